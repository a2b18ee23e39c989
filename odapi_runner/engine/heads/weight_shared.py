"""The box predictor of RetinaNet and EfficientDet: two towers shared by all levels.

Convolutions are shared, batch norm is not: the statistics of the levels differ. Attribute names
and nesting are a checkpoint's keys.

Source: object_detection/predictors/convolutional_keras_box_predictor.py and
predictors/heads/keras_{box,class}_head.py.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from odapi_runner.engine.heads.common import BOXES, CLASSES, clipped, dropped, flat
from odapi_runner.engine.keras import Model, initializers, layers
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    run,
    separable_convolution,
)
from odapi_runner.engine.recompute import run_block
from odapi_runner.engine.spec.predictors import WeightSharedPredictor


class BoxHead(layers.Layer):
    """The last convolution of the box tower."""

    def __init__(self, spec: WeightSharedPredictor, anchors_per_location: int) -> None:
        super().__init__(name="WeightSharedConvolutionalBoxHead")
        filters = anchors_per_location * spec.code_size
        self._size = spec.code_size
        self._clip = spec.clip_codes
        self._box_encoder_layers = [_head_convolution(spec, filters, "BoxPredictor")]

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, code size]."""
        return flat(clipped(self._box_encoder_layers[0](features), self._clip), self._size)


class ClassHead(layers.Layer):
    """The last convolution of the class tower."""

    def __init__(
        self, spec: WeightSharedPredictor, anchors_per_location: int, num_slots: int
    ) -> None:
        super().__init__(name="WeightSharedConvolutionalClassHead")
        self._num_slots = num_slots
        self._sigmoid = spec.sigmoid_scores
        self._class_predictor_layers = [
            *dropped(spec.dropout),
            _head_convolution(
                spec,
                anchors_per_location * num_slots,
                "ClassPredictor",
                bias_initializer=initializers.Constant(spec.class_bias),
            ),
        ]

    def call(self, features: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, slots]."""
        logits = flat(run(self._class_predictor_layers, features, training), self._num_slots)
        return tf.sigmoid(logits) if self._sigmoid and not training else logits


class WeightSharedPredictorNetwork(Model):
    """Feature maps, finest first, to box codes and class logits of all anchors."""

    def __init__(
        self,
        spec: WeightSharedPredictor,
        *,
        num_slots: int,
        num_levels: int,
        anchors_per_location: int,
        frozen: bool,
    ) -> None:
        super().__init__(name="WeightSharedConvolutionalBoxPredictor")
        self._box_prediction_head = BoxHead(spec, anchors_per_location)
        self._prediction_heads = {CLASSES: ClassHead(spec, anchors_per_location, num_slots)}
        box_tower = "PredictionTower" if spec.shared_tower else "BoxPredictionTower"
        towers = {BOXES: box_tower}
        if not spec.shared_tower:
            towers[CLASSES] = "ClassPredictionTower"
        convolutions = {tower: _tower_convolutions(spec, tower) for tower in towers.values()}
        self._base_tower_layers_for_heads = {
            head: [
                _tower(spec, tower, convolutions[tower], level, frozen=frozen)
                for level in range(num_levels)
            ]
            for head, tower in towers.items()
        }
        self._head_scope_conv_layers = convolutions
        self._additional_projection_layers: list[list[Any]] = []
        self._spec = spec
        self._frozen = frozen

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        """Where the maps differ in depth, make convolutions that bring all to the commonest."""
        depths = [shape[-1] for shape in input_shape]
        for level in range(len(depths)):
            # Of equally common depths the first of a set counts, there as here.
            depth = max(set(depths), key=depths.count)
            self._additional_projection_layers.append(
                self._projection(depth, level) if len(set(depths)) > 1 else []
            )
        super().build(input_shape)

    def _projection(self, depth: int, level: int) -> list[Any]:
        name = f"ProjectionLayer/conv2d_{level}"
        hyperparams = self._spec.hyperparams
        bias = _tower_bias(self._spec)
        norm = (
            [batch_norm(hyperparams, f"{name}/BatchNorm", frozen=self._frozen)]
            if _normalizes(self._spec)
            else []
        )
        return [convolution(hyperparams, depth, 1, name, use_bias=bias), *norm]

    def call(
        self, inputs: list[tf.Tensor], training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Predict for all anchors.

        Args:
            inputs: the pyramid's maps, each [batch, height, width, channels], finest first.
            training: whether batch norm uses the batch's statistics.

        Returns:
            Box codes float32 [batch, A, 4], and class logits float32 [batch, A, slots], in the
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
        towers = self._base_tower_layers_for_heads
        feature_map = run(self._additional_projection_layers[level], given[0], training)
        box_features = run(towers[BOXES][level], feature_map, training)
        class_features = (
            run(towers[CLASSES][level], feature_map, training)
            if CLASSES in towers
            else box_features
        )
        class_head = self._prediction_heads[CLASSES]
        return [
            self._box_prediction_head(box_features),
            class_head(class_features, training=training),
        ]


def _head_convolution(spec: WeightSharedPredictor, filters: int, name: str, **options: Any) -> Any:
    """A head's convolution always has a bias."""
    if not spec.separable:
        return convolution(
            spec.hyperparams, filters, spec.kernel_size, name, use_bias=True, **options
        )
    return separable_convolution(
        spec.hyperparams,
        filters,
        spec.kernel_size,
        name,
        depthwise=spec.hyperparams_to_heads,
        pointwise=spec.hyperparams_to_heads,
        use_bias=True,
        **options,
    )


def _tower_convolutions(spec: WeightSharedPredictor, tower: str) -> list[Any]:
    names = [f"{tower}/conv2d_{number}" for number in range(spec.num_layers)]
    bias = _tower_bias(spec)
    if not spec.separable:
        return [
            convolution(spec.hyperparams, spec.depth, spec.kernel_size, name, use_bias=bias)
            for name in names
        ]
    return [
        separable_convolution(
            spec.hyperparams,
            spec.depth,
            spec.kernel_size,
            name,
            depthwise=True,
            pointwise=spec.hyperparams_pointwise,
            use_bias=bias,
        )
        for name in names
    ]


def _tower(
    spec: WeightSharedPredictor, tower: str, convolutions: list[Any], level: int, *, frozen: bool
) -> list[Any]:
    """Convolution, batch norm of the level, activation; so often as there are layers."""
    stack: list[Any] = []
    for number, shared in enumerate(convolutions):
        prefix = f"{tower}/conv2d_{number}"
        stack.append(shared)
        if _normalizes(spec):
            norm = f"{prefix}/BatchNorm/feature_{level}"
            stack.append(batch_norm(spec.hyperparams, norm, frozen=frozen))
        stack.append(activation(spec.hyperparams, f"{prefix}/activation_{level}"))
    return stack


def _normalizes(spec: WeightSharedPredictor) -> bool:
    """Whether the towers have batch norm: not a synchronized one, there as here."""
    norm = spec.hyperparams.batch_norm
    return norm is not None and not norm.synchronized


def _tower_bias(spec: WeightSharedPredictor) -> bool:
    """A predictor's batch norm makes the bias needless, whether or not it centres."""
    return spec.hyperparams.force_use_bias or not _normalizes(spec)
