"""Which checkpoints wait for the evaluator: none is forgotten, and not too many wait."""

from __future__ import annotations

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir

# An evaluation; left out since others waited; left out since the evaluator crashed on it.
_SETTLED = {"evaluated", "skipped", "unevaluated"}


def settled_checkpoints(run: RunDir) -> set[int]:
    """The numbers of the checkpoints that are not to be evaluated (again)."""
    settled: set[int] = set()
    for event in read_events(run):
        if event["kind"] in _SETTLED:
            settled.add(event["number"])
        elif event["kind"] == "rejected":  # the next one to be saved gets its number
            settled.discard(event["number"])
    return settled


def put_missing(run: RunDir) -> list[int]:
    """Hand what was saved but never handed to the evaluator to it; returns the numbers.

    The trainer does so after each save; here is what a crash between the two has left.
    """
    missing = sorted(
        set(run.checkpoints()) - set(run.pending_checkpoints()) - settled_checkpoints(run)
    )
    for number in missing:
        run.put_pending(number)
    return missing


def skip_oldest(run: RunDir, most: int) -> list[int]:
    """Take the oldest waiting checkpoints out of the queue until `most` wait; returns them.

    The very first of the queue does not count as waiting: it is the one being evaluated.
    """
    waiting = run.pending_checkpoints()[1:]
    skipped = waiting[: max(0, len(waiting) - most)]
    for number in skipped:
        run.drop_pending(number)
    return skipped
