"""The losses of a single-shot detector, as plain values (no TensorFlow here)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlainSigmoid:
    """Sigmoid cross entropy of each class."""


@dataclass(frozen=True, slots=True)
class FocalSigmoid:
    """Sigmoid focal loss."""

    alpha: float | None
    gamma: float


@dataclass(frozen=True, slots=True)
class BootstrappedSigmoid:
    """Sigmoid cross entropy with targets that are the network's own by 1 - `alpha`."""

    alpha: float
    hard: bool


@dataclass(frozen=True, slots=True)
class Softmax:
    """Cross entropy over the classes; `against_logits` takes a softmax of the targets, too."""

    logit_scale: float
    against_logits: bool


ClassificationLoss = PlainSigmoid | FocalSigmoid | BootstrappedSigmoid | Softmax


@dataclass(frozen=True, slots=True)
class SmoothL1:
    """Square below `delta`, linear above."""

    delta: float


@dataclass(frozen=True, slots=True)
class L2:
    """Half the square."""


@dataclass(frozen=True, slots=True)
class HardExamples:
    """Only the anchors that cost most count, `negatives_per_positive` of those without a box."""

    most: int | None
    iou_threshold: float
    by: str  # which loss: BOTH, CLASSIFICATION or LOCALIZATION
    negatives_per_positive: int | None
    min_negatives: int


@dataclass(frozen=True, slots=True)
class Loss:
    """The losses, and what they are weighted and divided by."""

    classification: ClassificationLoss
    localization: SmoothL1 | L2
    hard_examples: HardExamples | None
    classification_weight: float
    localization_weight: float
    negative_class_weight: float
    normalize_by_matches: bool
    normalize_by_code_size: bool
