"""Learning rates by step: the arithmetic that `check` and the engine share.

Source: object_detection/utils/learning_schedules.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """The same rate at every step."""

    rate: float


@dataclass(frozen=True, slots=True)
class CosineDecay:
    """A linear warm-up, then half a cosine down to 0 at `total_steps`, and 0 beyond it."""

    base: float
    total_steps: int
    warmup_rate: float
    warmup_steps: int
    hold_steps: int


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """A constant burn-in, then `factor` once every `decay_steps`, or evenly without `staircase`."""

    base: float
    decay_steps: int
    factor: float
    staircase: bool
    burnin_rate: float  # 0: the base
    burnin_steps: int
    min_rate: float


@dataclass(frozen=True, slots=True)
class ManualSteps:
    """Constant between the given steps; with `warmup`, linear up to the first of them."""

    base: float
    steps: tuple[tuple[int, float], ...]  # from which step on which rate, in order
    warmup: bool


@dataclass(frozen=True, slots=True)
class OscillatingDecay:
    """A linear warm-up, then an exponential decay that swings."""

    base: float
    warmup_rate: float
    warmup_steps: int
    hold_steps: int
    decay_steps: int
    factor: float
    amplitude: float
    period: int
    min_rate: float


Schedule = ConstantRate | CosineDecay | ExponentialDecay | ManualSteps | OscillatingDecay


def learning_rate(schedule: Schedule, step: int) -> float:
    """The rate with which the step after `step` finished ones is made."""
    if isinstance(schedule, ConstantRate):
        return schedule.rate
    if isinstance(schedule, CosineDecay):
        return _cosine_decay(schedule, step)
    if isinstance(schedule, ExponentialDecay):
        return _exponential_decay(schedule, step)
    if isinstance(schedule, ManualSteps):
        return _manual_steps(schedule, step)
    return _oscillating_decay(schedule, step)


def _cosine_decay(schedule: CosineDecay, step: int) -> float:
    """Source: `cosine_decay_with_warmup`."""
    if step > schedule.total_steps:
        return 0.0
    if step < schedule.warmup_steps:
        slope = (schedule.base - schedule.warmup_rate) / schedule.warmup_steps
        return slope * step + schedule.warmup_rate
    flat = schedule.warmup_steps + schedule.hold_steps
    if schedule.hold_steps > 0 and step <= flat:
        return schedule.base
    decay_steps = schedule.total_steps - flat
    # A decay of no length has only its last point left.
    done = (step - flat) / decay_steps if decay_steps else 1.0
    return 0.5 * schedule.base * (1 + math.cos(math.pi * done))


def _exponential_decay(schedule: ExponentialDecay, step: int) -> float:
    """Source: `exponential_decay_with_burnin`."""
    if step < schedule.burnin_steps:
        rate = schedule.burnin_rate or schedule.base
    else:
        times = (step - schedule.burnin_steps) / schedule.decay_steps
        rate = schedule.base * schedule.factor ** (
            math.floor(times) if schedule.staircase else times
        )
    return max(rate, schedule.min_rate)


def _manual_steps(schedule: ManualSteps, step: int) -> float:
    """Source: `manual_stepping`."""
    rate = schedule.base
    for number, (start, following) in enumerate(schedule.steps):
        if step >= start:
            rate = following
        elif number == 0 and schedule.warmup:
            rate += (following - rate) / start * step
    return rate


def _oscillating_decay(schedule: OscillatingDecay, step: int) -> float:
    """Source: `exponential_oscillating_with_warmup`."""
    flat = schedule.warmup_steps + schedule.hold_steps
    if step < schedule.warmup_steps:
        slope = (schedule.base - schedule.warmup_rate) / schedule.warmup_steps
        rate = slope * step + schedule.warmup_rate
    elif schedule.hold_steps > 0 and step <= flat:
        rate = schedule.base
    else:
        swing = schedule.amplitude * math.sin(2 * math.pi / schedule.period * (step - flat))
        factor = schedule.factor ** ((step - flat) / schedule.decay_steps)
        rate = factor * (schedule.base + swing)
    return max(rate, schedule.min_rate)
