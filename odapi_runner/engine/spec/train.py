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
    schedule: Schedule
    optimizer: Optimizer
    clip_norm: float
    regularize: bool
    fine_tune_checkpoint: str
    fine_tune_type: str
