"""The feature pyramid of RetinaNet: mixed top-down, and prolonged to coarser levels.

Attribute names and nesting are a checkpoint's keys.

Source: Lin et al., Feature Pyramid Networks, section 3; layers as in
object_detection/models/feature_map_generators.py, `KerasFpnTopDownFeatureMaps`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import Model, layers
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    fixed_padding,
    run,
    separable_convolution,
)
from odapi_runner.engine.recompute import run_block
from odapi_runner.engine.spec.layers import Hyperparams


class TopDown(Model):
    """A backbone's maps to as many of one depth, each with what the coarser ones know."""

    def __init__(
        self,
        hyperparams: Hyperparams,
        *,
        num_levels: int,
        depth: int,
        separable: bool,
        explicit_padding: bool,
        frozen: bool,
    ) -> None:
        super().__init__(name="FeatureMaps")
        self.top_layers = [_projection(hyperparams, depth, num_levels)]
        self.residual_blocks = []
        self.top_down_blocks = []
        self.conv_layers = []
        self._crops = explicit_padding
        for number in reversed(range(1, num_levels)):
            self.residual_blocks.append([_projection(hyperparams, depth, number)])
            self.top_down_blocks.append(
                [layers.UpSampling2D(2, name=f"nearest_neighbor_upsampling_{number}")]
            )
            self.conv_layers.append(
                convolution_block(
                    hyperparams,
                    depth,
                    f"smoothing_{number}",
                    stride=1,
                    separable=separable,
                    explicit_padding=explicit_padding,
                    frozen=frozen,
                )
            )

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> list[tf.Tensor]:
        """Maps, finest first, each half as high and wide as the one before; so come the others."""
        maps = [run(self.top_layers, inputs[-1], training)]
        for place, features in enumerate(reversed(inputs[:-1])):
            maps += run_block(partial(self._mix, place, training), [features, maps[-1]])
        return maps[::-1]

    def _mix(self, place: int, training: bool | None, given: list[tf.Tensor]) -> list[tf.Tensor]:
        """A map of the backbone with the next coarser one of the pyramid."""
        features, above = given
        residual = run(self.residual_blocks[place], features, training)
        coarser = run(self.top_down_blocks[place], above, training)
        if self._crops:
            height, width = tf.unstack(tf.shape(residual)[1:3])
            coarser = tf.ensure_shape(coarser[:, :height, :width], residual.shape)
        return [run(self.conv_layers[place], coarser + residual, training)]


def convolution_block(
    hyperparams: Hyperparams,
    depth: int,
    name: str,
    *,
    stride: int,
    separable: bool,
    explicit_padding: bool,
    frozen: bool,
) -> list[Any]:
    """A 3x3 convolution, batch norm, activation."""
    padding = "valid" if explicit_padding else "same"
    options: dict[str, Any] = {"strides": stride, "padding": padding}
    if separable:
        made = separable_convolution(
            hyperparams,
            depth,
            3,
            f"{name}_depthwise_conv",
            depthwise=True,
            pointwise=False,
            **options,
        )
    else:
        made = convolution(hyperparams, depth, 3, f"{name}_conv", **options)
    return [
        *([fixed_padding(3)] if explicit_padding else []),
        made,
        batch_norm(hyperparams, f"{name}_batchnorm", frozen=frozen),
        activation(hyperparams, name),
    ]


def _projection(hyperparams: Hyperparams, depth: int, number: int) -> Any:
    return convolution(hyperparams, depth, 1, f"projection_{number}", use_bias=True)
