"""The training."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.engine.augment.spec import Augmentation
from odapi_runner.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Momentum:
    """Gradient descent with momentum."""

    momentum: float


@dataclass(frozen=True, slots=True)
class RmsProp:
    """RMSProp; `rate_decay` divides the rate by 1 + `rate_decay` * step."""

    rate_decay: float
    momentum: float
    epsilon: float


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam."""

    epsilon: float


Optimizer = Momentum | RmsProp | Adam


@dataclass(frozen=True, slots=True)
class Train:
    """The training: data order aside, everything that changes the weights."""

    batch_size: int
    num_steps: int
    augmentations: tuple[Augmentation, ...]
    class_scores: bool  # scores of all classes are the targets, rather than the box's class
    merge_boxes: bool  # boxes of the same place are one, of several classes
    schedule: Schedule
    optimizer: Optimizer
    average_decay: float | None  # of the weights' moving averages; None keeps none
    clip_norm: float
    bias_multiplier: float  # of the gradients of biases
    update_variables: tuple[str, ...]  # patterns of the variables to train; none: all
    freeze_variables: tuple[str, ...]  # patterns of those of them that stay as they are
    regularize: bool
    fine_tune_checkpoint: str
    fine_tune_type: str
