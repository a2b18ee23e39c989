"""Runs for TensorBoard's tab HPARAMS: a table of settings and metrics, and curves by setting.

A folder a run, with one event file, replaced by each export: `tensorboard --logdir FOLDER`. The
curves of a run itself need no export: `odapi tensorboard`.

Source: tensorboard/plugins/hparams/summary_v2.py (`hparams_pb`: what a trial's settings may be),
plugins/scalar/metadata.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.files import replacing
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.report.exports.exported import Exported

_FIRST = "brain.Event:2"  # what every event file begins with


@dataclass(frozen=True, slots=True)
class EventFolder:
    """Where the event files are written."""

    root: Path

    def send(self, run: Exported) -> str:
        """Write a run; where it is then.

        Raises:
            OdapiError: it cannot be written there.
        """
        folder = self.root / run.name.replace("/", "_")
        path = folder / f"events.out.tfevents.{int(run.started or 0)}.odapi-{run.id}"
        try:
            with replacing(path) as aside, RecordWriter(aside) as writer:
                for event in _events(run):
                    writer.write(event.SerializeToString())
        except OSError as error:
            what = f"{path}: cannot be written ({error.strerror})"
            raise OdapiError(what, fix="Name another folder: --to tensorboard=DIR") from error
        return f"{run.name}: {folder}"


def _events(run: Exported) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_FLOAT
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.scalar.metadata import create_summary_metadata

    started = run.started or 0.0
    settings = hparams_pb(dict(run.settings), trial_id=run.id, start_time_secs=started)
    yield Event(wall_time=started, file_version=_FIRST)
    yield Event(wall_time=started, step=0, summary=settings)
    scalar = create_summary_metadata("", "")
    for step, numbers in run.numbers.items():
        summary = Summary()
        for tag, number in numbers.items():
            tensor = TensorProto(dtype=DT_FLOAT, float_val=[number])
            summary.value.add(tag=tag, metadata=scalar, tensor=tensor)
        yield Event(wall_time=started, step=step, summary=summary)
