"""Checkpoints not to be gone on from: damaged ones, and those whose weights are no numbers.

They and their evaluations lie in `rejected/` afterwards: nothing is lost, and nothing counts. Their
numbers and steps are those of what is saved next, so none of their names stays elsewhere; `mend`
makes lists and tables follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.checkpoint_index import (
    check_shards,
    read_bytes,
    read_index,
    read_string,
    read_tensor,
)
from odapi_runner.formats.run_state import read_state
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir, drop_checkpoint, link_checkpoint

# One that was killed after saving may not have told of it.
_WITH_STEP = {"checkpoint", "evaluating", "evaluated"}


def reject_damaged(run: RunDir, events: EventLog) -> None:
    """Take the newest checkpoints away as long as they cannot be read as a whole."""
    _reject_newest(run, events, find_damage)


def reject_infinite(run: RunDir, events: EventLog) -> None:
    """Take the newest checkpoints away as long as they hold what is no number."""
    _reject_newest(run, events, _infinity)


def find_damage(prefix: Path) -> str | None:
    """A sentence on what is wrong with a checkpoint, if anything is; all its bytes are read."""
    try:
        index = read_index(prefix)
        check_shards(index)
        read_state(prefix)
        for name, entry in index.tensors.items():  # both compare checksums
            if entry.dtype == "string":
                read_string(index, name)
            else:
                read_bytes(index, name)
    except CheckpointError as error:
        return error.what
    return None


def _infinity(prefix: Path) -> str | None:
    import numpy as np  # the supervisor stays small without

    try:
        index = read_index(prefix)
        for name, entry in index.tensors.items():
            if (
                entry.dtype in {"float32", "float64"}
                and not np.isfinite(read_tensor(index, name)).all()
            ):
                return f"{name} is not finite"
    except CheckpointError as error:
        return error.what
    return None


def _reject_newest(run: RunDir, events: EventLog, find_fault: Callable[[Path], str | None]) -> None:
    for number, why in list(_faulty(run, find_fault)):
        _reject(run, number, why, events)


def _faulty(run: RunDir, find_fault: Callable[[Path], str | None]) -> Iterator[tuple[int, str]]:
    for number in reversed(run.checkpoints()):
        why = find_fault(run.root / f"ckpt-{number}")
        if why is None:
            return
        yield number, why


def _reject(run: RunDir, number: int, why: str, events: EventLog) -> None:
    told = [event for event in read_events(run) if event["kind"] in _WITH_STEP]
    step = next((event["step"] for event in reversed(told) if event["number"] == number), None)
    link_checkpoint(run.root, number, run.rejected)
    # Told first, and gone last: wherever this is interrupted, it is done again, or was done.
    events.write("rejected", number=number, step=step, what=why)
    if step is not None and (evaluation := run.detections_at(step)).exists():
        evaluation.replace(run.rejected / evaluation.name)
    for path in run.root.glob(f"ckpt-{number}.state.json"):
        path.replace(run.rejected / path.name)
    for folder in (run.pending, run.best, run.root):
        drop_checkpoint(folder, number)
