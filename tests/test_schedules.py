"""Learning rates, against values worked out by hand from `cosine_decay_with_warmup`."""

from __future__ import annotations

import pytest

from odapi_runner.schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    ManualSteps,
    OscillatingDecay,
    Schedule,
    learning_rate,
)


def cosine(**changes: float) -> CosineDecay:
    """100 steps, the first 10 of them a warm-up from 0.1 to 1."""
    values = {"base": 1.0, "total_steps": 100, "warmup_rate": 0.1, "warmup_steps": 10}
    return CosineDecay(**({"hold_steps": 0} | values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [0, 7, 10**9])
def test_a_constant_rate_is_constant(step: int) -> None:
    """At every step."""
    assert learning_rate(ConstantRate(0.25), step) == 0.25


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.1),  # the warm-up's rate
        (5, 0.55),  # half-way: 0.1 + 0.9 / 2
        (9, 0.91),  # 0.1 + 0.9 * 9 / 10
        (10, 1.0),  # cos(0) = 1: the base
        (40, 0.75),  # a third of 90 steps: (1 + cos 60 degrees) / 2
        (55, 0.5),  # half: cos 90 degrees = 0
        (70, 0.25),  # two thirds: cos 120 degrees = -1/2
        (100, 0.0),  # cos 180 degrees = -1
        (101, 0.0),  # beyond the end the cosine would rise again
        (190, 0.0),
    ],
)
def test_a_warm_up_then_half_a_cosine(step: int, expected: float) -> None:
    """The cosine runs over the steps after the warm-up."""
    assert learning_rate(cosine(), step) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (9, 0.91),
        (10, 1.0),
        (30, 1.0),  # the last step held: warm-up 10 + hold 20
        (31, 0.999496),  # a 70th of the way: (1 + cos(180/70 degrees)) / 2
        (65, 0.5),  # half of the 70 steps that are left
        (100, 0.0),
    ],
)
def test_the_base_rate_is_held_before_it_falls(step: int, expected: float) -> None:
    """Held steps shorten the decay."""
    assert learning_rate(cosine(hold_steps=20), step) == pytest.approx(expected, abs=1e-6)


def test_efficientdet_d0_at_its_published_batch() -> None:
    """0.08 after 2,500 steps of warm-up from 0.001; 0.04 half-way through what is left."""
    schedule = CosineDecay(0.08, 300_000, 0.001, 2500, 0)

    found = [learning_rate(schedule, step) for step in (0, 1250, 2500, 151_250, 300_000)]

    assert found == pytest.approx([0.001, 0.0405, 0.08, 0.04, 0.0])


def test_without_warm_up_it_starts_at_the_base() -> None:
    """`warmup_rate` then says nothing."""
    assert learning_rate(cosine(warmup_steps=0), 0) == 1.0


def test_a_training_that_is_all_warm_up_ends_at_0() -> None:
    """Where warm-up and total are the same there is a decay of no length: its last point."""
    schedule = cosine(total_steps=10)

    assert learning_rate(schedule, 9) == pytest.approx(0.91)
    assert learning_rate(schedule, 10) == 0.0
    assert learning_rate(schedule, 11) == 0.0


def test_a_hold_beyond_the_end_ends_with_the_training() -> None:
    """The rate is 0 after `total_steps`, whatever is held."""
    schedule = cosine(hold_steps=1000)

    assert learning_rate(schedule, 100) == 1.0
    assert learning_rate(schedule, 101) == 0.0


STAIRS = ExponentialDecay(1.0, 10, 0.5, staircase=True, burnin_rate=0.2, burnin_steps=5, min_rate=0)
SLOPE = ExponentialDecay(1.0, 10, 0.25, staircase=False, burnin_rate=0, burnin_steps=2, min_rate=0)
FLOOR = ExponentialDecay(1.0, 10, 0.5, staircase=True, burnin_rate=0, burnin_steps=0, min_rate=0.4)
STEPS = ManualSteps(0.1, ((5, 0.6), (10, 0.01)), warmup=False)
RISING = ManualSteps(0.1, ((5, 0.6), (10, 0.01)), warmup=True)
WAVES = OscillatingDecay(
    base=1.0,
    warmup_rate=0.5,
    warmup_steps=10,
    hold_steps=10,
    decay_steps=100,
    factor=0.25,
    amplitude=0.5,
    period=40,
    min_rate=0.2,
)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        # The burn-in's rate; from its end on the base, half of it every 10 steps.
        (STAIRS, {0: 0.2, 4: 0.2, 5: 1.0, 14: 1.0, 15: 0.5, 25: 0.25}),
        # A burn-in of 0 is at the base; a quarter after 10 steps, so a half after 5.
        (SLOPE, {0: 1.0, 2: 1.0, 7: 0.5, 12: 0.25}),
        (FLOOR, {9: 1.0, 10: 0.5, 20: 0.4, 1000: 0.4}),
        (STEPS, {0: 0.1, 4: 0.1, 5: 0.6, 9: 0.6, 10: 0.01, 99: 0.01}),
        (RISING, {0: 0.1, 1: 0.2, 4: 0.5, 5: 0.6, 9: 0.6, 10: 0.01}),
        # After warm-up and hold: at a quarter of the period 1.5 * 0.25^0.1, at half 0.25^0.2.
        (WAVES, {0: 0.5, 5: 0.75, 20: 1.0, 30: 1.5 * 0.25**0.1, 40: 0.25**0.2, 1020: 0.2}),
    ],
)
def test_the_other_schedules(schedule: Schedule, rates: dict[int, float]) -> None:
    """Rates at single steps."""
    found = {step: learning_rate(schedule, step) for step in rates}

    assert found == pytest.approx(rates, rel=1e-9)
