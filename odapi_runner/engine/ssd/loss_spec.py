"""The losses of a single-shot detector, as plain values (no TensorFlow here)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FocalSigmoid:
    """Sigmoid focal loss; of `gamma` 0 and without `alpha` it is the plain cross entropy."""

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


@dataclass(frozen=True, slots=True)
class PenaltyReduced:
    """Sigmoid focal loss of clipped probabilities, less where a target is between 0 and 1."""

    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class Dice:
    """Dice coefficients; `probabilities` says that the scores are such, not logits."""

    squared: bool
    probabilities: bool


ClassificationLoss = FocalSigmoid | BootstrappedSigmoid | Softmax | PenaltyReduced | Dice


@dataclass(frozen=True, slots=True)
class SmoothL1:
    """Square below `delta`, linear above."""

    delta: float


@dataclass(frozen=True, slots=True)
class L2:
    """Half the square."""


LocalizationLoss = SmoothL1 | L2


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
    localization: LocalizationLoss
    hard_examples: HardExamples | None
    positive_share: float | None  # of the anchors that are drawn; None takes all of them
    classification_weight: float
    localization_weight: float
    negative_class_weight: float
    # Of the class scores that no box says anything of, in the place of all other weights.
    implicit_weight: float | None
    normalize_by_matches: bool
    normalize_by_code_size: bool
