"""Waiting for input: counted, told while it lasts, and a phase where it is most of the time."""

from __future__ import annotations

import time

import pytest

from odapi_runner.engine.waiting import TRAINING, WAITING, Waiting


def test_a_wait_that_lasts_is_told_until_it_is_over() -> None:
    """From another thread, again and again; a short one is not, nor what is no wait."""
    told: list[float] = []
    wait = Waiting(lambda: told.append(time.perf_counter()), window=0.2)
    with wait:
        for _ in range(10):
            with wait.waiting():
                time.sleep(0.001)
        time.sleep(0.3)
        assert told == []
        with wait.waiting():
            time.sleep(1.2)
        end = time.perf_counter()
        time.sleep(0.1)

    assert len(told) >= 3
    assert max(told) < end
    assert 1.2 <= wait.seconds < 30


def test_nothing_goes_on_while_it_is_told() -> None:
    """Who waited writes the next heartbeat himself: the two never do so at once."""
    telling: list[bool] = []

    def tell() -> None:
        telling.append(True)
        time.sleep(0.1)
        telling.append(False)

    wait = Waiting(tell, window=0.02)
    with wait:
        with wait.waiting():
            while not telling:
                time.sleep(0.001)
        assert telling[-1] is False


def test_most_of_the_time_decides_on_the_phase() -> None:
    """Over a window, not over one step."""
    now = 0.0
    wait = Waiting(lambda: None, window=1.0, clock=lambda: now)
    phases = []
    for share in (0.0, 0.75, 0.25):
        for _ in range(4):
            now += 0.25 * (1 - share)
            with wait.waiting():
                now += 0.25 * share
            phase = wait.phase()
        phases.append(phase)

    assert phases == [TRAINING, WAITING, TRAINING]
    assert wait.seconds == 1.0


def test_a_failure_ends_the_watching() -> None:
    """The thread does not outlive the loop."""
    wait = Waiting(lambda: None, window=0.01)
    with pytest.raises(ValueError, match="no record"), wait, wait.waiting():
        raise ValueError("no record")

    assert not wait._thread.is_alive()
