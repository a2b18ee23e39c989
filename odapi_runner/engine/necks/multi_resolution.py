"""The feature maps of SSD: a backbone's last ones, and ever smaller ones made of them.

Attribute names and nesting are a checkpoint's keys.

Source: Liu et al., SSD, section 2.1; layers as in
object_detection/models/feature_map_generators.py, `KerasMultiResolutionFeatureMaps`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import Model
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    depthwise_convolution,
    fixed_padding,
    run_stack,
)
from odapi_runner.engine.spec.backbone import Backbone
from odapi_runner.engine.spec.layers import Hyperparams

# How deep each map is; -1: as the backbone makes it.
DEPTHS = (-1, -1, 512, 256, 256, 128)


class SmallerMaps(Model):
    """A backbone's maps to `num_maps` ones, each new one half as high and wide."""

    def __init__(self, spec: Backbone, *, num_maps: int, frozen: bool) -> None:
        super().__init__(name="FeatureMaps")
        self.convolutions = [
            [] if depth < 0 else _halving(spec, depth, place, frozen=frozen)
            for place, depth in enumerate(DEPTHS[:num_maps])
        ]

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        """The backbone's two maps, finest first; so come the others."""
        maps: list[tf.Tensor] = []
        for place, stack in enumerate(self.convolutions):
            maps.append(run_stack(stack, maps[-1], training) if stack else inputs[place])
        return maps


def _halving(spec: Backbone, depth: int, place: int, *, frozen: bool) -> list[Any]:
    """A 1x1 convolution to half the depth, then one of 3x3 and stride 2 to the whole."""
    hyperparams = spec.hyperparams
    half, whole = (
        max(int(width * spec.depth_multiplier), spec.min_depth) for width in (depth // 2, depth)
    )
    name = f"Conv2d_{place}"
    options: dict[str, Any] = {
        "strides": 2,
        "padding": "valid" if spec.explicit_padding else "same",
    }
    stack = [
        convolution(hyperparams, half, 1, f"{name}_1x1_conv"),
        *_normalized(hyperparams, f"{name}_1x1", frozen=frozen),
    ]
    if spec.explicit_padding:
        stack.append(fixed_padding(3))
    if not spec.depthwise:
        return [
            *stack,
            convolution(hyperparams, whole, 3, f"{name}_3x3_s2_conv", **options),
            *_normalized(hyperparams, f"{name}_3x3_s2", frozen=frozen),
        ]
    return [
        *stack,
        depthwise_convolution(
            hyperparams, 3, f"{name}_3x3_s2_depthwise_conv", configured=False, **options
        ),
        *_normalized(hyperparams, f"{name}_3x3_s2_depthwise", frozen=frozen),
        convolution(hyperparams, whole, 1, f"{name}_3x3_s2_conv"),
        *_normalized(hyperparams, f"{name}_3x3_s2", frozen=frozen),
    ]


def _normalized(hyperparams: Hyperparams, name: str, *, frozen: bool) -> list[Any]:
    return [
        batch_norm(hyperparams, f"{name}_batchnorm", frozen=frozen),
        activation(hyperparams, name),
    ]
