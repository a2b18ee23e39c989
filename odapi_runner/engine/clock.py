"""Times the steps of one training."""

from __future__ import annotations

import time


class StepClock:
    """What is foretold and shared out leaves out the first step, which warms up."""

    def __init__(self) -> None:
        """Begin without a step: until `start` there is no speed."""
        self._logged = (0, 0.0)
        self._warm: tuple[int, float] | None = None  # None before the first step was made

    def start(self, step: int) -> None:
        """The next step is the first of this process."""
        self._logged, self._warm = (step, time.perf_counter()), None

    def warmed_up(self, step: int) -> None:
        """The first step of this process was made."""
        self._warm = (step, time.perf_counter())

    def since_log(self, step: int) -> float:
        """Seconds a step since this was last asked, or since the start."""
        now = time.perf_counter()
        steps, seconds = step - self._logged[0], now - self._logged[1]
        self._logged = (step, now)
        return seconds / steps

    def since_warm(self) -> float:
        """Seconds since the first step; it has been made."""
        assert self._warm is not None
        return time.perf_counter() - self._warm[1]

    def steps_per_second(self, step: int) -> float | None:
        """Since the first step; None before there is another."""
        if self._warm is None or step <= self._warm[0]:
            return None
        return (step - self._warm[0]) / self.since_warm()
