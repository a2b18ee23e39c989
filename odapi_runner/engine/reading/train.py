"""The training: optimizer, schedule, fine-tune checkpoint, augmentation."""

from __future__ import annotations

from odapi_runner.engine.augment.read import read_augmentation
from odapi_runner.engine.fields import Reader
from odapi_runner.engine.spec import Train
from odapi_runner.schedules import ConstantRate, CosineDecay, Schedule


def read_train(train: Reader) -> Train:
    """The message `train_config`."""
    optimizer = train.message("optimizer")
    optimizer.require("use_moving_average", (False,))
    _, momentum = optimizer.member("optimizer", ("momentum_optimizer",))
    train.require("merge_multiple_label_boxes", (False,))
    train.require("use_multiclass_scores", (False,))
    train.require("load_all_detection_checkpoint_vars", (False,))
    checkpoint = train.value("fine_tune_checkpoint")
    if checkpoint:
        train.require("fine_tune_checkpoint_version", ("V2",))
    kind = train.value("fine_tune_checkpoint_type")
    if not kind:
        kind = "detection" if train.value("from_detection_checkpoint") else "classification"
    elif checkpoint:
        train.require("fine_tune_checkpoint_type", ("detection", "classification", "full"))
    # Without a checkpoint these say nothing, there as here.
    train.value("fine_tune_checkpoint_version")
    train.value("from_detection_checkpoint")
    return Train(
        batch_size=train.value("batch_size"),
        num_steps=train.value("num_steps"),
        augmentations=tuple(map(read_augmentation, train.messages("data_augmentation_options"))),
        schedule=_schedule(momentum.message("learning_rate")),
        momentum=momentum.value("momentum_optimizer_value"),
        clip_norm=train.value("gradient_clipping_by_norm"),
        regularize=train.value("add_regularization_loss"),
        fine_tune_checkpoint=checkpoint,
        fine_tune_type=kind,
    )


def _schedule(rate: Reader) -> Schedule:
    kinds = ("cosine_decay_learning_rate", "constant_learning_rate")
    kind, schedule = rate.member("learning_rate", kinds)
    if kind == "constant_learning_rate":
        return ConstantRate(schedule.value("learning_rate"))
    return CosineDecay(
        base=schedule.value("learning_rate_base"),
        total_steps=schedule.value("total_steps"),
        warmup_rate=schedule.value("warmup_learning_rate"),
        warmup_steps=schedule.value("warmup_steps"),
        hold_steps=schedule.value("hold_base_rate_steps"),
    )
