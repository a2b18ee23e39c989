"""The training: optimizer, schedule, fine-tune checkpoint, augmentation."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from odapi_runner.engine.augment.read import read_augmentation
from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec.train import Adam, Momentum, Optimizer, RmsProp, Train
from odapi_runner.schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    ManualSteps,
    OscillatingDecay,
    Schedule,
)

_LOAD_ALL = (
    "-d train_config.load_all_detection_checkpoint_vars "
    "-s train_config.fine_tune_checkpoint_type=full"
)


def read_train(train: Reader) -> Train:
    """The message `train_config`."""
    optimizer = train.message("optimizer")
    averaged = optimizer.value("use_moving_average")
    made, rate = _optimizer(optimizer)
    train.require("load_all_detection_checkpoint_vars", (False,), fix=_LOAD_ALL)
    checkpoint = train.value("fine_tune_checkpoint")
    if checkpoint:
        train.require("fine_tune_checkpoint_version", ("V2",))
    kind = train.value("fine_tune_checkpoint_type")
    if not kind:
        kind = "detection" if train.value("from_detection_checkpoint") else "classification"
    elif checkpoint:
        train.require("fine_tune_checkpoint_type", ("detection", "classification", "full"))
    multiplier: float = train.value("bias_grad_multiplier")
    if multiplier < 0:
        train.refuse("bias_grad_multiplier", f"{multiplier:g} is below 0", (1.0,))
    # Without a checkpoint these say nothing, there as here.
    train.value("fine_tune_checkpoint_version")
    train.value("from_detection_checkpoint")
    return Train(
        batch_size=train.above_zero("batch_size"),
        num_steps=train.value("num_steps"),
        augmentations=tuple(map(read_augmentation, train.messages("data_augmentation_options"))),
        class_scores=train.value("use_multiclass_scores"),
        merge_boxes=train.value("merge_multiple_label_boxes"),
        schedule=_schedule(rate),
        optimizer=made,
        average_decay=_share(optimizer, "moving_average_decay") if averaged else None,
        clip_norm=train.value("gradient_clipping_by_norm"),
        bias_multiplier=multiplier or 1.0,  # 0 is the default, and multiplies nothing there
        update_variables=_patterns(train, "update_trainable_variables"),
        freeze_variables=_patterns(train, "freeze_variables"),
        regularize=train.value("add_regularization_loss"),
        fine_tune_checkpoint=checkpoint,
        fine_tune_type=kind,
    )


def _patterns(train: Reader, name: str) -> tuple[str, ...]:
    """Regular expressions on the names of variables."""
    patterns: tuple[str, ...] = train.value(name)
    for place, pattern in enumerate(patterns):
        try:
            wrong = "" if re.compile(pattern).pattern else "is empty and would match everything"
        except re.error as error:
            wrong = f"is no regular expression ({error})"
        if wrong:
            train.refuse(f"{name}[{place}]", wrong, ('"classification_backbone"',))
    return patterns


def _optimizer(optimizer: Reader) -> tuple[Optimizer, Reader]:
    """The optimizer, and the message of its rate."""
    kinds = ("momentum_optimizer", "rms_prop_optimizer", "adam_optimizer")
    kind, made = optimizer.member("optimizer", kinds)
    rate = made.message("learning_rate")
    if kind == "adam_optimizer":
        return Adam(made.value("epsilon")), rate
    momentum = _share(made, "momentum_optimizer_value")
    if kind == "rms_prop_optimizer":
        return RmsProp(made.value("decay"), momentum, made.value("epsilon")), rate
    return Momentum(momentum), rate


def _schedule(rate: Reader) -> Schedule:
    kind, schedule = rate.member("learning_rate", tuple(_SCHEDULES))
    return _SCHEDULES[kind](schedule)


def _constant(schedule: Reader) -> Schedule:
    return ConstantRate(schedule.value("learning_rate"))


def _cosine(schedule: Reader) -> Schedule:
    return CosineDecay(
        base=schedule.value("learning_rate_base"),
        total_steps=schedule.value("total_steps"),
        warmup_rate=schedule.value("warmup_learning_rate"),
        warmup_steps=schedule.value("warmup_steps"),
        hold_steps=schedule.value("hold_base_rate_steps"),
    )


def _exponential(schedule: Reader) -> Schedule:
    return ExponentialDecay(
        base=schedule.value("initial_learning_rate"),
        decay_steps=schedule.above_zero("decay_steps"),
        factor=schedule.value("decay_factor"),
        staircase=schedule.value("staircase"),
        burnin_rate=schedule.value("burnin_learning_rate"),
        burnin_steps=schedule.value("burnin_steps"),
        min_rate=schedule.value("min_learning_rate"),
    )


def _manual(schedule: Reader) -> Schedule:
    steps = tuple(
        (one.value("step"), one.value("learning_rate")) for one in schedule.messages("schedule")
    )
    starts = [start for start, _ in steps]
    if not steps:
        schedule.refuse("schedule", "is empty", ("constant_learning_rate",))
    elif starts[0] == 0 or any(later <= sooner for sooner, later in pairwise(starts)):
        schedule.refuse("schedule", "has not steps that rise from above 0", ("step: 1 and so on",))
    return ManualSteps(schedule.value("initial_learning_rate"), steps, schedule.value("warmup"))


def _oscillating(schedule: Reader) -> Schedule:
    return OscillatingDecay(
        base=schedule.value("learning_rate_base"),
        warmup_rate=schedule.value("warmup_learning_rate"),
        warmup_steps=schedule.value("warmup_steps"),
        hold_steps=schedule.value("hold_base_rate_steps"),
        decay_steps=schedule.above_zero("decay_steps"),
        factor=schedule.value("decay_factor"),
        amplitude=schedule.value("osc_amplitude"),
        period=schedule.above_zero("osc_period"),
        min_rate=schedule.value("min_rate"),
    )


def _share(reader: Reader, name: str) -> float:
    """What a step keeps of an average."""
    share: float = reader.value(name)
    if not 0 <= share <= 1:
        reader.refuse(name, f"{share:g} is not between 0 and 1", (0.9,))
    return share


_SCHEDULES: dict[str, Callable[[Reader], Schedule]] = {
    "cosine_decay_learning_rate": _cosine,
    "constant_learning_rate": _constant,
    "exponential_decay_learning_rate": _exponential,
    "manual_step_learning_rate": _manual,
    "exponential_oscillating_learning_rate": _oscillating,
}
