"""How layers are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NormalInitializer:
    """Normal random weights; `truncated` draws again what lies beyond two standard deviations."""

    mean: float
    stddev: float
    truncated: bool


@dataclass(frozen=True, slots=True)
class VarianceScaling:
    """Random weights of variance `factor` over the number that `mode` counts."""

    factor: float
    mode: str  # fan_in, fan_out or fan_avg
    uniform: bool


@dataclass(frozen=True, slots=True)
class NamedInitializer:
    """One of Keras' initializers, by its name there."""

    name: str


# None is Keras' own choice, `glorot_uniform`.
Initializer = NormalInitializer | VarianceScaling | NamedInitializer | None


@dataclass(frozen=True, slots=True)
class Regularizer:
    """A weight decay: `l1`, the sum of magnitudes, or `l2`, half the sum of squares."""

    kind: str
    weight: float


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation; `decay` is the moving averages' (Keras calls it momentum)."""

    decay: float
    center: bool
    scale: bool
    epsilon: float
    synchronized: bool = False  # over all replicas


@dataclass(frozen=True, slots=True)
class Hyperparams:
    """How the convolutions of one part of the network are made."""

    regularizer: Regularizer | None
    initializer: Initializer
    activation: str  # NONE, RELU, RELU_6 or SWISH
    batch_norm: BatchNorm | None
    force_use_bias: bool


@dataclass(frozen=True, slots=True)
class Dropout:
    """Sets features in front of the class scores to 0, unless drawn with probability `keep`."""

    keep: float
