"""Which checkpoints of a run are not to be evaluated (again), by its events."""

from __future__ import annotations

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir

# An evaluation; left out since others waited; left out since the evaluator crashed on it.
_SETTLED = {"evaluated", "skipped", "unevaluated"}
# The next one to be saved gets its number; what was found out about it is gone.
_UNSETTLED = {"rejected", "rejected_evaluation"}


def settled_checkpoints(run: RunDir) -> set[int]:
    """The numbers of the checkpoints that are evaluated, or left out for good."""
    settled: set[int] = set()
    for event in read_events(run):
        if event["kind"] in _SETTLED:
            settled.add(event["number"])
        elif event["kind"] in _UNSETTLED:
            settled.discard(event["number"])
    return settled
