"""The policies of a run: looked at by its supervisor several times a second."""

from __future__ import annotations

import time
from collections.abc import Sequence

from odapi_runner.formats.runlog import EventLog, EventReader, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.columns import asked_metrics
from odapi_runner.runs.policies.early_stop import overruled_step, parse_early_stop
from odapi_runner.runs.policies.metric import read_rows, read_scores
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.policies.rate import set_rate
from odapi_runner.runs.sessions import read_since_asked, seconds_at_work

UNMEASURED = "unmeasured"
_HOUR = 3600.0


class Policies:
    """Those of one run, under one supervisor.

    Attributes:
        ending: how the run is to end now, and why; None while it is to go on.
    """

    def __init__(self, run: RunDir, options: RunOptions, events: EventLog) -> None:
        """Go on with the hours; they, and what was decided before, are told by the run's events."""
        self._run, self._events, self._reader = run, events, EventReader(run)
        told = read_events(run, "supervise")
        self._unmeasured = {event["metric"] for event in told if event["kind"] == UNMEASURED}
        self._is_new = False  # an evaluation that was not judged by yet
        self._has_trained = False  # to the last step, by a process that may not have ended
        self._options = options
        self._early_stop = parse_early_stop(options.early_stop) if options.early_stop else None
        self._overruled = overruled_step(read_events(run)) if self._early_stop else -1
        rule = options.reduce_on_plateau
        self._plateau = parse_plateau(rule) if rule else None
        self._max_hours = options.max_hours
        self._begun = time.monotonic() - seconds_at_work(read_since_asked(run))
        self.ending: tuple[str, str] | None = None

    def look(self, *, is_training: bool) -> None:
        """Decide by what is new; where no step is to be made there is nothing to decide."""
        told = self._reader.read_new()
        steps = [event["step"] for event in told if event["kind"] == "evaluated"]
        trained = [event["kind"] == "finished" for event in told if event.get("role") == "train"]
        self._has_trained = (trained or [self._has_trained])[-1]
        if steps:
            self._tell_unmeasured(steps)
            self._is_new = True
        if not is_training or self._has_trained:
            return
        if self._is_new:
            self._is_new = False
            self._judge()
        hours = (time.monotonic() - self._begun) / _HOUR
        if self._max_hours is not None and hours >= self._max_hours and not self.ending:
            self._end("stopped", f"--max-hours {self._max_hours:g} are over")

    def _tell_unmeasured(self, steps: Sequence[int]) -> None:
        """Say once of each metric that is looked at that the latest evaluation has none of it.

        Of one that was rejected nothing is known any more.
        """
        rows = read_rows(self._run)
        step = next((step for step in reversed(steps) if step in rows), None)
        if step is None:
            return
        for option, metric in asked_metrics(self._options).items():
            if metric in self._unmeasured or metric in rows[step]:
                continue
            self._unmeasured.add(metric)
            what = f'the evaluation of step {step} has no "{metric}", which {option} looks at'
            self._events.write(UNMEASURED, metric=metric, step=step, what=what)

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
