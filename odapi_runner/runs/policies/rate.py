"""By what the learning rate is to be multiplied: plateaus of a metric, and losses not finite.

A function of the run's evaluations and events: a supervisor that takes over finds the same.
"""

from __future__ import annotations

from odapi_runner.formats.rate import read_rate, write_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.policies.plateau import Plateau

ROLLED_BACK = "rolled_back"
AFTER_ROLLBACK = 0.5


def set_rate(run: RunDir, plateau: Plateau | None, events: EventLog) -> float:
    """Ask the trainer for the factor that counts now; returns it, and tells a new one."""
    rollbacks = sum(event["kind"] == ROLLED_BACK for event in read_events(run))
    reductions = plateau.reductions(read_scores(run, plateau.metric)) if plateau else {}
    step = max(reductions, default=None)
    factor: float = (1.0 if step is None else reductions[step]) * AFTER_ROLLBACK**rollbacks
    if factor != read_rate(run):
        write_rate(run, factor, f"{len(reductions)} plateaus, {rollbacks} times not finite")
        events.write(
            "rate",
            factor=factor,
            metric=plateau.metric if plateau else None,
            plateaus=len(reductions),
            since=step,
            nan=rollbacks,
        )
    return factor
