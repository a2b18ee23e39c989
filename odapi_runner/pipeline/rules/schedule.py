"""Rules on the number of steps and on the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Subject
from odapi_runner.pipeline.scalars import shortest
from odapi_runner.pipeline.shorthands import schedule_of
from odapi_runner.schedules import CosineDecay, learning_rate

_OPTIMIZER = "train_config.optimizer"


def training_has_steps(subject: Subject) -> Iterator[Finding]:
    """There are steps to do."""
    if not subject.config.train_config.num_steps:
        place = "train_config.num_steps"
        yield Finding("num-steps", "error", place, "num_steps is 0", "-s num_steps=N")


def batch_has_images(subject: Subject) -> Iterator[Finding]:
    """There are images in a batch."""
    if not subject.config.train_config.batch_size:
        place = "train_config.batch_size"
        yield Finding("batch-size", "error", place, "batch_size is 0", "-s batch_size=N")


def learning_rate_is_set(subject: Subject) -> Iterator[Finding]:
    """There is an optimizer with a schedule."""
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


def schedule_does_not_end_before_training(subject: Subject) -> Iterator[Finding]:
    """The rate is not 0 for the last part of the training: `total_steps` reaches `num_steps`."""
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
    """The rate comes down to 0: `total_steps` is not beyond `num_steps`."""
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


_SCHEDULES = "utils/learning_schedules.py, `cosine_decay_with_warmup`"

RULES = (
    Rule(
        "num-steps",
        training_has_steps,
        api="Without --num_train_steps it dies of `range(…, None, 100)`: TypeError, after the "
        "model is built (model_lib_v2.py, `train_loop`).",
    ),
    Rule(
        "batch-size",
        batch_has_images,
        api="tf.data refuses a batch of 0 when the input is built (builders/dataset_builder.py).",
    ),
    Rule(
        "optimizer",
        learning_rate_is_set,
        api="builders/optimizer_builder.py raises ValueError, after the model is built.",
    ),
    Rule("learning-rate", base_rate_is_positive, api=f"It trains at that rate ({_SCHEDULES})."),
    Rule(
        "schedule-short",
        schedule_does_not_end_before_training,
        api=f"The rate is 0 beyond total_steps, silently ({_SCHEDULES}).",
    ),
    Rule(
        "schedule-long",
        schedule_ends_with_training,
        severity="warning",
        api=f"Nothing ties total_steps to num_steps; training ends at a high rate ({_SCHEDULES}).",
    ),
    Rule(
        "warmup-steps",
        warmup_fits_into_the_schedule,
        api=f"total_steps below warmup_steps is a ValueError ({_SCHEDULES}).",
    ),
    Rule(
        "warmup-rate",
        warmup_leads_up_to_the_base_rate,
        api=f"learning_rate_base below warmup_learning_rate is a ValueError ({_SCHEDULES}).",
    ),
)
