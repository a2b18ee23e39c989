"""Rules on the learning rate, and on schedules other than the cosine (`cosine`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.pipeline.shorthands import schedule_of

_OPTIMIZER = "train_config.optimizer"
_HARDLY_DECAYED = 0.9
_SCHEDULES = "utils/learning_schedules.py"

# The rate that a schedule is about, by kind.
_BASES = {
    "constant_learning_rate": "learning_rate",
    "cosine_decay_learning_rate": "learning_rate_base",
    "exponential_decay_learning_rate": "initial_learning_rate",
    "exponential_oscillating_learning_rate": "learning_rate_base",
    "manual_step_learning_rate": "initial_learning_rate",
}


def find_schedule(subject: Subject) -> tuple[str, Any, str]:
    """The schedule's name, its message and its path; empty where there is none."""
    name, schedule = schedule_of(subject.config) or ("", None)
    optimizer = subject.config.train_config.optimizer.WhichOneof("optimizer")
    return name, schedule, f"{_OPTIMIZER}.{optimizer}.learning_rate.{name}"


def find_base_rate(subject: Subject) -> tuple[float | None, str]:
    """The rate that the schedule is about, and its path; None where there is none."""
    name, schedule, place = find_schedule(subject)
    field = _BASES.get(name)
    return (getattr(schedule, field), f"{place}.{field}") if field else (None, place)


def learning_rate_is_set(subject: Subject) -> Iterator[Finding]:
    """The training has an optimizer, and the optimizer a schedule for its learning rate."""
    if schedule_of(subject.config) is None:
        yield Finding(
            "optimizer",
            "error",
            _OPTIMIZER,
            "no optimizer with a learning rate is set",
            "Start from a preset, or set one of momentum_optimizer, adam_optimizer and "
            "rms_prop_optimizer.",
        )


def base_rate_is_positive(subject: Subject) -> Iterator[Finding]:
    """A rate of 0 teaches nothing, and one below 0 makes the loss grow."""
    rate, where = find_base_rate(subject)
    if rate is not None and not rate > 0:  # NaN is a number that can be written, too
        fix = "-s learning_rate=RATE, above 0"
        yield Finding("learning-rate", "error", where, f"the rate is {rate:g}", fix)
    name, schedule, place = find_schedule(subject)
    if name == "exponential_decay_learning_rate" and not schedule.decay_steps:
        what, fix = "0 steps from decay to decay make no rate", f"-s {place}.decay_steps=N"
        yield Finding("learning-rate", "error", f"{place}.decay_steps", what, fix)


def manual_steps_ascend(subject: Subject) -> Iterator[Finding]:
    """The steps of a manual schedule begin above 0, and each is beyond the one before it."""
    name, schedule, place = find_schedule(subject)
    if name != "manual_step_learning_rate":
        return
    steps = [0, *(entry.step for entry in schedule.schedule)]
    fix = "Give each change a later step than the one before it."
    if len(steps) == 1:
        what, fix = "no change of the rate is in it", "Add schedule { step: N learning_rate: RATE }"
        yield Finding("manual-steps", "error", f"{place}.schedule", what, fix)
    for number, (before, step) in enumerate(pairwise(steps)):
        if step <= before:
            what = f"step {step} is not beyond {before}, which stands before it"
            where = f"{place}.schedule[{number}].step"
            yield Finding("manual-steps", "error", where, what, fix)


def manual_steps_are_reached(subject: Subject) -> Iterator[Finding]:
    """Each change of a manual schedule comes before the training ends."""
    name, schedule, place = find_schedule(subject)
    steps = subject.config.train_config.num_steps
    if name != "manual_step_learning_rate" or not steps:
        return
    for number, entry in enumerate(schedule.schedule):
        if entry.step >= steps:
            what = f"the rate is to change at step {entry.step}, but training ends after {steps}"
            fix = "Bring the change forward, or train longer."
            where = f"{place}.schedule[{number}].step"
            yield Finding("manual-steps-late", "warning", where, what, fix)


def exponential_decay_decays(subject: Subject) -> Iterator[Finding]:
    """An exponential schedule brings the rate down within the training.

    `decay_steps` counts the steps from one decay to the next. It is 4,000,000 unless it is set,
    and with `staircase`, which is true unless it is set, nothing happens before.
    """
    name, schedule, place = find_schedule(subject)
    steps = subject.config.train_config.num_steps
    if name != "exponential_decay_learning_rate" or not steps or not schedule.decay_steps:
        return
    decays = max(0, steps - schedule.burnin_steps) / schedule.decay_steps
    decays = math.floor(decays) if schedule.staircase else decays
    left = schedule.decay_factor**decays if 0 <= schedule.decay_factor < 1 else 1.0
    if left > _HARDLY_DECAYED:
        fallen = f"falls by {1 - left:.0%} only" if left < 1 else "never falls"
        what = f"with decay_steps {schedule.decay_steps} the rate {fallen} in {steps} steps"
        fix = f"-s {place}.decay_steps={max(1, steps // 50)}"
        yield Finding("decay-steps", "warning", f"{place}.decay_steps", what, fix)


RULES = (
    Rule(
        "optimizer",
        learning_rate_is_set,
        api="builders/optimizer_builder.py raises ValueError, after the model is built.",
        fails="optimizer { }",
        passes="optimizer { momentum_optimizer { learning_rate { constant_learning_rate { } } } }",
    ),
    Rule(
        "learning-rate",
        base_rate_is_positive,
        api=f"It trains at that rate ({_SCHEDULES}).",
        fails="constant_learning_rate { learning_rate: 0 }",
        passes="constant_learning_rate { learning_rate: 0.01 }",
    ),
    Rule(
        "manual-steps",
        manual_steps_ascend,
        api="ValueError, after the model is built (builders/optimizer_builder.py; "
        f"{_SCHEDULES}, `manual_stepping`).",
        fails="schedule { step: 9000 } schedule { step: 3000 }",
        passes="schedule { step: 3000 } schedule { step: 9000 }",
    ),
    Rule(
        "manual-steps-late",
        manual_steps_are_reached,
        severity="warning",
        api=f"Nothing compares the steps with num_steps ({_SCHEDULES}, `manual_stepping`).",
        fails="num_steps: 30000, and schedule { step: 90000 }",
        passes="num_steps: 30000, and schedule { step: 20000 }",
    ),
    Rule(
        "decay-steps",
        exponential_decay_decays,
        severity="warning",
        api=f"It trains at that rate ({_SCHEDULES}, `exponential_decay_with_burnin`).",
        fails="num_steps: 30000, and exponential_decay_learning_rate { decay_steps: 80000 }",
        passes="num_steps: 30000, and exponential_decay_learning_rate { decay_steps: 600 }",
    ),
)
