"""Rules on the number of steps and on the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.pipeline.scalars import shortest
from odapi_runner.pipeline.shorthands import schedule_of
from odapi_runner.schedules import CosineDecay, learning_rate

_OPTIMIZER = "train_config.optimizer"


def training_has_a_size(subject: Subject) -> Iterator[Finding]:
    """There are steps to do and images in a batch."""
    train = subject.config.train_config
    for name in ("num_steps", "batch_size"):
        if not getattr(train, name):
            place = f"train_config.{name}"
            yield Finding("train-size", "error", place, f"{name} is 0", f"-s {name}=N")


def learning_rate_is_set(subject: Subject) -> Iterator[Finding]:
    """There is an optimizer with a schedule."""
    if schedule_of(subject.config) is None:
        yield Finding(
            "learning-rate",
            "error",
            _OPTIMIZER,
            "no optimizer with a learning rate is set",
            "Start from a preset, or set one of momentum_optimizer, adam_optimizer and "
            "rms_prop_optimizer.",
        )


def base_rate_is_positive(subject: Subject) -> Iterator[Finding]:
    """A rate of 0 or less teaches nothing."""
    cosine, place = _cosine_of(subject)
    if cosine and cosine.base <= 0:
        yield Finding(
            "learning-rate",
            "error",
            f"{place}.learning_rate_base",
            f"the rate is {cosine.base:g}",
            "-s learning_rate=RATE, above 0",
        )


def schedule_is_as_long_as_training(subject: Subject) -> Iterator[Finding]:
    """`total_steps` is `num_steps`: the language ties them nowhere."""
    cosine, place = _cosine_of(subject)
    steps = subject.config.train_config.num_steps
    if not cosine or not steps or cosine.total_steps == steps:
        return
    fix = f"-s num_steps={steps} sets both."
    place = f"{place}.total_steps"
    if cosine.total_steps < steps:
        what = f"the rate is 0 after {cosine.total_steps} steps, but training has {steps}"
        yield Finding("schedule-length", "error", place, what, fix)
    elif cosine.warmup_steps < cosine.total_steps:  # else: `warmup_fits_into_the_schedule`
        last = learning_rate(cosine, steps)
        what = (
            f"the schedule has {cosine.total_steps} steps, but training ends after {steps}, "
            f"at a rate of still {last:.3g}"
        )
        yield Finding("schedule-length", "warning", place, what, fix)


def warmup_fits_into_the_schedule(subject: Subject) -> Iterator[Finding]:
    """Warm-up is over before the schedule is; model_main_tf2 objects after 16 s."""
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
    """The warm-up rate is not above the base rate; without warm-up it has no effect."""
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
    name, schedule = schedule_of(subject.config) or ("", None)
    if name != "cosine_decay_learning_rate" or schedule is None:
        return None, ""
    optimizer = subject.config.train_config.optimizer.WhichOneof("optimizer")
    return _build_cosine(schedule), f"{_OPTIMIZER}.{optimizer}.learning_rate.{name}"


def _build_cosine(schedule: Any) -> CosineDecay:
    return CosineDecay(
        base=shortest(schedule.learning_rate_base),
        total_steps=schedule.total_steps,
        warmup_rate=shortest(schedule.warmup_learning_rate),
        warmup_steps=schedule.warmup_steps,
        hold_steps=schedule.hold_base_rate_steps,
    )
