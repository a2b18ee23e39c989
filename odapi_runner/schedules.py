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


Schedule = ConstantRate | CosineDecay


def learning_rate(schedule: Schedule, step: int) -> float:
    """The rate with which the step after `step` finished ones is made."""
    if isinstance(schedule, ConstantRate):
        return schedule.rate
    return _cosine_decay(schedule, step)


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
