"""Steps of float16 that are skipped: which are said, and which end a training."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from odapi_runner.engine.health import OutOfMemoryError, SkippedSteps, naming_memory
from odapi_runner.engine.precision import LossScale
from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir


def step(scale: LossScale, gradient: float) -> None:
    scale.apply([tf.constant(gradient)], lambda: None)


def test_only_a_step_skipped_at_the_lowest_scale_ends_a_training(tmp_path: Path) -> None:
    """At 2 and, after it grew again, at 2 once more it goes on; at 1 nothing more can be done."""
    run = RunDir(tmp_path)
    scale = LossScale()
    scale.restore({"scale": 2.0, "finite_steps": 0})
    skipped = SkippedSteps(scale, EventLog(run, "train"))

    step(scale, float("inf"))
    skipped.look(1)
    scale.restore({"scale": 1.0, "finite_steps": 1999})
    step(scale, 1.0)
    skipped.look(2)
    step(scale, float("nan"))
    skipped.look(3)

    assert [(one["step"], one["loss_scale"]) for one in read_events(run)] == [(1, 1.0), (3, 1.0)]
    step(scale, float("inf"))
    with pytest.raises(RunError, match="the gradients of step 4 are beyond float16"):
        skipped.look(4)


def test_a_full_disk_is_no_lack_of_memory() -> None:
    """TensorFlow raises the same error for both; a smaller batch would be no remedy."""
    with pytest.raises(RunError, match="No space left on device") as raised, naming_memory(8):
        tf.io.write_file("/dev/full", tf.constant("x" * 100_000))

    assert not isinstance(raised.value, OutOfMemoryError)
    with pytest.raises(OutOfMemoryError, match="does not suffice"), naming_memory(8):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
