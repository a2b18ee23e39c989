"""The policies of a run: looked at by its supervisor several times a second."""

from __future__ import annotations

import time

from odapi_runner.formats.runlog import EventLog, EventReader, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.early_stop import overruled_step, parse_early_stop
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.policies.rate import set_rate

_HOUR = 3600.0


class Policies:
    """Those of one run, under one supervisor.

    Attributes:
        ending: how the run is to end now, and why; None while it is to go on.
    """

    def __init__(self, run: RunDir, options: RunOptions, events: EventLog) -> None:
        """Begin the hours; what was decided before is told by the run's events."""
        self._run, self._events, self._reader = run, events, EventReader(run)
        self._early_stop = parse_early_stop(options.early_stop) if options.early_stop else None
        self._overruled = overruled_step(read_events(run)) if self._early_stop else -1
        rule = options.reduce_on_plateau
        self._plateau = parse_plateau(rule) if rule else None
        self._max_hours, self._begun = options.max_hours, time.monotonic()
        self.ending: tuple[str, str] | None = None

    def look(self) -> None:
        """Decide by what is new, while there is training."""
        if any(event["kind"] == "evaluated" for event in self._reader.read_new()):
            self._judge()
        hours = (time.monotonic() - self._begun) / _HOUR
        if self._max_hours is not None and hours >= self._max_hours and not self.ending:
            self._end("stopped", f"--max-hours {self._max_hours:g} are over")

    def _judge(self) -> None:
        if self._early_stop and not self.ending:
            scores = read_scores(self._run, self._early_stop.metric)
            reason = self._early_stop.reason(scores, self._overruled)
            if reason:
                self._end("finished", f"stopped early: {reason}")
        if self._plateau and not self.ending:  # what comes late changes no step any more
            set_rate(self._run, self._plateau, self._events)

    def _end(self, outcome: str, why: str) -> None:
        self.ending = outcome, why
        self._events.write("ending", outcome=outcome, what=why)
