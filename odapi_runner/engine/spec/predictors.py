"""Box predictors: feature maps to codes and class scores of anchors."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.engine.spec.layers import Dropout, Hyperparams


@dataclass(frozen=True, slots=True)
class WeightSharedPredictor:
    """Two towers with weights shared by all levels, batch norm of their own at each."""

    hyperparams: Hyperparams
    hyperparams_to_heads: bool
    hyperparams_pointwise: bool
    num_layers: int
    depth: int
    kernel_size: int
    class_bias: float
    separable: bool
    shared_tower: bool
    dropout: Dropout | None
    sigmoid_scores: bool  # outside of training
    code_size: int
    clip_codes: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ConvolutionalPredictor:
    """Convolutions of its own at each level."""

    hyperparams: Hyperparams
    num_layers: int
    min_depth: int
    max_depth: int
    kernel_size: int
    class_bias: float
    separable: bool
    dropout: Dropout | None
    code_size: int
    clip_codes: tuple[float, float] | None
