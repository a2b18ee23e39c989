"""Feature extractors: a classifier's network, and what makes a pyramid of its maps."""

from __future__ import annotations

from dataclasses import dataclass

from odapi_runner.engine.spec.layers import Hyperparams


@dataclass(frozen=True, slots=True)
class BiFpnNeck:
    """EfficientDet's pyramid, mixed top-down and bottom-up `num_iterations` times."""

    min_level: int
    max_level: int
    num_iterations: int
    num_filters: int
    combine_method: str


@dataclass(frozen=True, slots=True)
class FpnNeck:
    """A pyramid mixed top-down once; levels beyond the backbone's are convolved from its top."""

    min_level: int
    max_level: int
    depth: int  # of its maps, before `depth_multiplier` and `min_depth`


@dataclass(frozen=True, slots=True)
class SmallerMapsNeck:
    """No pyramid: two maps of the backbone, and ever smaller ones convolved from the last."""

    num_maps: int


@dataclass(frozen=True, slots=True)
class Backbone:
    """A feature extractor: a classifier's network, and what makes a pyramid of its maps."""

    type: str
    hyperparams: Hyperparams
    override_hyperparams: bool  # whether they are the classifier's, too
    depth_multiplier: float
    min_depth: int
    pad_to_multiple: int
    explicit_padding: bool
    depthwise: bool
    neck: BiFpnNeck | FpnNeck | SmallerMapsNeck
