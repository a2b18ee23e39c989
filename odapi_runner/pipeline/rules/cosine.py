"""Rules on the cosine schedule of the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.schedule import find_schedule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.proto.floats import shortest
from odapi_runner.schedules import CosineDecay, learning_rate


def schedule_does_not_end_before_training(subject: Subject) -> Iterator[Finding]:
    """The rate of a cosine is not 0 for the last part of the training.

    `total_steps` reaches `num_steps`: the language ties them nowhere, `-s num_steps=N` does.
    """
    cosine, place = _cosine_of(subject)
    steps = subject.config.train_config.num_steps
    if cosine and steps and cosine.total_steps < steps:
        yield Finding(
            "schedule-short",
            "error",
            f"{place}.total_steps",
            f"the rate is 0 after {cosine.total_steps} steps, but training has {steps}",
            f"-s num_steps={steps} sets both.",
        )


def schedule_ends_with_training(subject: Subject) -> Iterator[Finding]:
    """The rate of a cosine comes down to 0 with the training.

    With `total_steps` far beyond `num_steps`, as in a config copied from the zoo and trained for
    fewer steps, it stays high to the end, and the best part of the schedule is never reached.
    """
    cosine, place = _cosine_of(subject)
    steps = subject.config.train_config.num_steps
    # With a warm-up as long as the schedule there is more to say: `warmup_fits_…`.
    if not cosine or not steps or not cosine.warmup_steps < cosine.total_steps > steps:
        return
    yield Finding(
        "schedule-long",
        "warning",
        f"{place}.total_steps",
        f"the schedule has {cosine.total_steps} steps, but training ends after {steps}, "
        f"at a rate of still {learning_rate(cosine, steps):.3g}",
        f"-s num_steps={steps} sets both.",
    )


def warmup_fits_into_the_schedule(subject: Subject) -> Iterator[Finding]:
    """The warm-up of a cosine is over before the schedule is."""
    cosine, place = _cosine_of(subject)
    if cosine and cosine.warmup_steps >= cosine.total_steps:
        yield Finding(
            "warmup-steps",
            "error",
            f"{place}.warmup_steps",
            f"a warm-up of {cosine.warmup_steps} steps, but the schedule has {cosine.total_steps}",
            "Make the warm-up a few hundredths of the steps, as -s num_steps=N keeps it.",
        )


def warmup_leads_up_to_the_base_rate(subject: Subject) -> Iterator[Finding]:
    """The warm-up of a cosine leads up to the base rate, not down to it.

    Both belong to the batch size: who scales one of them down has to scale the other.
    """
    cosine, place = _cosine_of(subject)
    if cosine and cosine.warmup_steps and cosine.warmup_rate > cosine.base:
        yield Finding(
            "warmup-rate",
            "error",
            f"{place}.warmup_learning_rate",
            f"the warm-up begins at {cosine.warmup_rate:g}, above the base rate {cosine.base:g}",
            "Scale both together: -s batch_size=N or -s learning_rate=RATE does.",
        )


def _cosine_of(subject: Subject) -> tuple[CosineDecay | None, str]:
    """The schedule and its path, if it is a cosine."""
    name, schedule, place = find_schedule(subject)
    if name != "cosine_decay_learning_rate":
        return None, ""
    return _build_cosine(schedule), place


def _build_cosine(schedule: Any) -> CosineDecay:
    return CosineDecay(
        base=shortest(schedule.learning_rate_base),
        total_steps=schedule.total_steps,
        warmup_rate=shortest(schedule.warmup_learning_rate),
        warmup_steps=schedule.warmup_steps,
        hold_steps=schedule.hold_base_rate_steps,
    )


_COSINE = "utils/learning_schedules.py, `cosine_decay_with_warmup`"

RULES = (
    Rule(
        "schedule-short",
        schedule_does_not_end_before_training,
        api=f"The rate is 0 beyond total_steps, silently ({_COSINE}).",
        fails="num_steps: 30000, and total_steps: 20000",
        passes="num_steps: 30000, and total_steps: 30000",
    ),
    Rule(
        "schedule-long",
        schedule_ends_with_training,
        severity="warning",
        api="Nothing ties total_steps, 4,000,000 unless it is set, to num_steps: the training ends "
        f"at a high rate ({_COSINE}).",
        fails="num_steps: 30000, and total_steps: 300000",
        passes="num_steps: 30000, and total_steps: 30000",
    ),
    Rule(
        "warmup-steps",
        warmup_fits_into_the_schedule,
        api="total_steps below warmup_steps is a ValueError, after the model is built, and "
        f"warmup_steps is 10,000 unless it is set ({_COSINE}).",
        fails="total_steps: 2000, and warmup_steps unset",
        passes="total_steps: 2000, and warmup_steps: 200",
    ),
    Rule(
        "warmup-rate",
        warmup_leads_up_to_the_base_rate,
        api=f"learning_rate_base below warmup_learning_rate is a ValueError ({_COSINE}).",
        fails="learning_rate_base: 0.000625, and warmup_learning_rate: 0.001",
        passes="learning_rate_base: 0.000625, and warmup_learning_rate: 0.0000078",
    ),
)
