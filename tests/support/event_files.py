"""What a trainer's event files say."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.rundir import RunDir


def losses_of(run: RunDir) -> dict[int, dict[str, float]]:
    """The values in the event files of a trainer, by step and tag."""
    found: dict[int, dict[str, float]] = {}
    for path in sorted(run.train_events.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = float(tf.make_ndarray(value.tensor))
                    found.setdefault(event.step, {})[value.tag] = number
    return found
