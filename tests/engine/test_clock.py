"""The speed of a training, as the heartbeat has it."""

from __future__ import annotations

import time

from odapi_runner.engine.clock import StepClock


def test_a_resumed_training_has_no_speed_before_its_own_steps() -> None:
    """At step 80 it has made none of these 80: neither while compiling, nor with its first one."""
    clock = StepClock()
    assert clock.steps_per_second(80) is None
    clock.start(80)
    assert clock.steps_per_second(80) is None
    time.sleep(0.05)  # compiles
    assert clock.steps_per_second(81) is None
    clock.warmed_up(81)
    assert clock.steps_per_second(81) is None


def test_the_speed_leaves_out_the_first_step() -> None:
    """Nine steps in 0.05 s or a bit more; what is logged counts all since the log before."""
    clock = StepClock()
    begun = time.perf_counter()
    clock.start(80)
    time.sleep(0.2)
    warm = time.perf_counter()
    clock.warmed_up(81)
    time.sleep(0.05)
    speed = clock.steps_per_second(90)
    least = 9 / (time.perf_counter() - warm)

    assert speed is not None
    assert least <= speed <= 9 / 0.05
    assert 0.025 <= clock.since_log(90) <= (time.perf_counter() - begun) / 10
    assert clock.since_log(91) < 0.2
