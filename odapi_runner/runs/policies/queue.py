"""Which checkpoints wait for the evaluator: none is forgotten, and not too many wait."""

from __future__ import annotations

from odapi_runner.formats.settled import settled_checkpoints
from odapi_runner.rundir import RunDir


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
