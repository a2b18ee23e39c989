"""The box predictor of SSD: convolutions of its own for each feature map.

Attribute names and nesting are a checkpoint's keys.

Source: object_detection/predictors/convolutional_keras_box_predictor.py and
predictors/heads/keras_{box,class}_head.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import tensorflow as tf

from odapi_runner.engine.heads.common import BOXES, CLASSES, clipped, dropped, flat
from odapi_runner.engine.keras import Model, initializers, layers
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    depthwise_convolution,
    run,
)
from odapi_runner.engine.recompute import run_block
from odapi_runner.engine.spec.predictors import ConvolutionalPredictor


class BoxHead(layers.Layer):
    """The last layers in front of the box codes of one map."""

    def __init__(self, spec: ConvolutionalPredictor, anchors: int, *, frozen: bool) -> None:
        super().__init__()
        self._clip = spec.clip_codes
        self._size = spec.code_size
        self._box_encoder_layers = _head_layers(
            spec, anchors * spec.code_size, "BoxEncodingPredictor", frozen=frozen
        )

    def call(self, features: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, code size]."""
        codes = run(self._box_encoder_layers, features, training)
        return flat(clipped(codes, self._clip), self._size)


class ClassHead(layers.Layer):
    """The last layers in front of the class logits of one map."""

    def __init__(
        self,
        spec: ConvolutionalPredictor,
        anchors: int,
        *,
        level: int,
        num_slots: int,
        frozen: bool,
    ) -> None:
        super().__init__()
        self._num_slots = num_slots
        # With depthwise convolutions the bias begins at 0, there as here.
        bias = (
            {} if spec.separable else {"bias_initializer": initializers.Constant(spec.class_bias)}
        )
        self._class_predictor_layers = [
            *dropped(spec.dropout, level),
            *_head_layers(spec, anchors * num_slots, "ClassPredictor", frozen=frozen, **bias),
        ]

    def call(self, features: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, slots]."""
        return flat(run(self._class_predictor_layers, features, training), self._num_slots)


class ConvolutionalPredictorNetwork(Model):
    """Feature maps, finest first, to box codes and class logits of all anchors."""

    def __init__(
        self,
        spec: ConvolutionalPredictor,
        *,
        num_slots: int,
        anchors_per_location: Sequence[int],
        frozen: bool,
    ) -> None:
        super().__init__(name="BoxPredictor")
        self._spec = spec
        self._frozen = frozen
        self._prediction_heads: dict[str, list[Any]] = {
            BOXES: [BoxHead(spec, anchors, frozen=frozen) for anchors in anchors_per_location],
            CLASSES: [
                ClassHead(spec, anchors, level=level, num_slots=num_slots, frozen=frozen)
                for level, anchors in enumerate(anchors_per_location)
            ],
        }
        self._shared_nets: list[list[Any]] = []

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        """Make the convolutions in front of both heads, as deep as the map they look at."""
        for level, shape in enumerate(input_shape):
            depth = max(min(shape[-1], self._spec.max_depth), self._spec.min_depth)
            self._shared_nets.append(self._shared(level, depth))
        super().build(input_shape)

    def _shared(self, level: int, depth: int) -> list[Any]:
        stack: list[Any] = []
        for number in range(self._spec.num_layers if depth > 0 else 0):
            name = f"SharedConvolutions_{level}/Conv2d_{number}_1x1_{depth}"
            stack += [
                convolution(self._spec.hyperparams, depth, 1, name),
                batch_norm(self._spec.hyperparams, f"{name}_norm", frozen=self._frozen),
                activation(self._spec.hyperparams, f"{name}_activation"),
            ]
        return stack

    def call(
        self, inputs: list[tf.Tensor], training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Predict for all anchors.

        Args:
            inputs: maps, each [batch, height, width, channels], finest first.
            training: whether batch norm uses the batch's statistics, and dropout drops.

        Returns:
            Box codes float32 [batch, A, 4] and class logits float32 [batch, A, slots], in the
            order of the anchors.
        """
        codes, logits = [], []
        for level, features in enumerate(inputs):
            of_level = run_block(partial(self._predict, level, training), [features])
            codes.append(of_level[0])
            logits.append(of_level[1])
        return tf.concat(codes, axis=1), tf.concat(logits, axis=1)

    def _predict(
        self, level: int, training: bool | None, given: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Box codes and class logits of one map."""
        shared = run(self._shared_nets[level], given[0], training)
        return [
            self._prediction_heads[head][level](shared, training=training)
            for head in (BOXES, CLASSES)
        ]


def _head_layers(
    spec: ConvolutionalPredictor, filters: int, name: str, *, frozen: bool, **options: Any
) -> list[Any]:
    hyperparams = spec.hyperparams
    if not spec.separable:
        return [convolution(hyperparams, filters, spec.kernel_size, name, use_bias=True, **options)]
    return [
        depthwise_convolution(hyperparams, spec.kernel_size, f"{name}_depthwise", configured=False),
        batch_norm(hyperparams, f"{name}_depthwise_batchnorm", frozen=frozen),
        activation(hyperparams, f"{name}_depthwise_activation"),
        convolution(hyperparams, filters, 1, name, use_bias=True),
    ]
