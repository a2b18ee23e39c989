"""The factor on the learning rate that a run's supervisor asks for while it trains.

A factor counts from the step on at which it is seen; that step is an event. Who resumes at an
earlier step changes the rate at the same steps again, so that a resume stays exact.
"""

from __future__ import annotations

from odapi_runner.engine.log import log
from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir

KIND = "rate_factor"


def factor_at(run: RunDir, step: int) -> float:
    """The factor that counts behind so many steps, by what the run's training has told of it."""
    told = [event for event in read_events(run) if event["kind"] == KIND and event["step"] <= step]
    return float(told[-1]["factor"]) if told else 1.0


class RateFactor:
    """What factor counts at which step of one training."""

    def __init__(self, run: RunDir, events: EventLog, step: int, before: float) -> None:
        """Take what was changed in the run so far.

        Args:
            run: which `rate.json` and events it is about.
            events: where a change is told.
            step: the one to go on from.
            before: the factor there, by the checkpoint.
        """
        self._run, self._events = run, events
        self._from: list[tuple[int, float]] = []  # ascending by step
        for event in read_events(run):
            if event["kind"] == KIND:
                self._put(event["step"], event["factor"])
        if not self._from and before != 1:
            self._put(step, before)
        self._seen: tuple[int, int] | None = None

    @property
    def _latest(self) -> float:
        return self._from[-1][1] if self._from else 1.0

    def at(self, step: int) -> float:
        """The factor of the step that follows `step` finished ones."""
        return next((factor for first, factor in reversed(self._from) if first <= step), 1.0)

    def wanted(self) -> float:
        """The factor that the supervisor wants last; reads the file where it has changed."""
        try:
            found = self._run.rate.stat()
        except FileNotFoundError:
            return self._latest
        if (found.st_mtime_ns, found.st_ino) == self._seen:
            return self._latest
        self._seen = found.st_mtime_ns, found.st_ino
        return read_rate(self._run)

    def put(self, step: int, factor: float) -> None:
        """Let a factor count from a step on, unless it does already or is about to."""
        if factor == self._latest:
            return
        self._put(step, factor)
        self._events.write(KIND, step=step, factor=factor)
        log(f"From step {step} on the learning rate is {factor:g} times the schedule's")

    def _put(self, step: int, factor: float) -> None:
        # What was to change later belongs to a course that has been left.
        self._from = [one for one in self._from if one[0] < step]
        self._from.append((step, factor))
