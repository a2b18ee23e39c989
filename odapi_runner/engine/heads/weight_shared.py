"""The box predictor of RetinaNet and EfficientDet: two towers shared by all levels.

Convolutions are shared, batch norm is not: the statistics of the levels differ. Attribute names
and nesting are a checkpoint's keys.

Source: object_detection/predictors/convolutional_keras_box_predictor.py and
predictors/heads/keras_{box,class}_head.py.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import Model, initializers, layers
from odapi_runner.engine.layers import (
    activation,
    batch_norm,
    convolution,
    run,
    separable_convolution,
)
from odapi_runner.engine.spec import BoxPredictor

BOXES = "box_encodings"
CLASSES = "class_predictions_with_background"
CODE_SIZE = 4


class BoxHead(layers.Layer):
    """The last convolution of the box tower."""

    def __init__(self, spec: BoxPredictor, anchors_per_location: int) -> None:
        super().__init__(name="WeightSharedConvolutionalBoxHead")
        filters = anchors_per_location * CODE_SIZE
        self._box_encoder_layers = [_head_convolution(spec, filters, "BoxPredictor")]

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, 4]."""
        codes = self._box_encoder_layers[0](features)
        return tf.reshape(codes, [-1, codes.shape[1] * codes.shape[2] * codes.shape[3] // 4, 4])


class ClassHead(layers.Layer):
    """The last convolution of the class tower."""

    def __init__(self, spec: BoxPredictor, anchors_per_location: int, num_classes: int) -> None:
        super().__init__(name="WeightSharedConvolutionalClassHead")
        self._num_classes = num_classes
        self._class_predictor_layers = [
            _head_convolution(
                spec,
                anchors_per_location * num_classes,
                "ClassPredictor",
                bias_initializer=initializers.Constant(spec.class_bias),
            )
        ]

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """[batch, height, width, depth] to [batch, height * width * anchors, classes]."""
        logits = self._class_predictor_layers[0](features)
        anchors = logits.shape[1] * logits.shape[2] * logits.shape[3] // self._num_classes
        return tf.reshape(logits, [-1, anchors, self._num_classes])


class WeightSharedPredictor(Model):
    """Feature maps, finest first, to box codes and class logits of all anchors."""

    def __init__(
        self,
        spec: BoxPredictor,
        *,
        num_classes: int,
        num_levels: int,
        anchors_per_location: int,
        frozen: bool,
    ) -> None:
        super().__init__(name="WeightSharedConvolutionalBoxPredictor")
        self._box_prediction_head = BoxHead(spec, anchors_per_location)
        self._prediction_heads = {CLASSES: ClassHead(spec, anchors_per_location, num_classes)}
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

    def call(
        self, inputs: list[tf.Tensor], training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Predict for all anchors.

        Args:
            inputs: the pyramid's maps, each [batch, height, width, channels], finest first.
            training: whether batch norm uses the batch's statistics.

        Returns:
            Box codes float32 [batch, A, 4], (ty, tx, th, tw), and class logits
            float32 [batch, A, classes], in the order of the anchors.
        """
        codes, logits = [], []
        class_head = self._prediction_heads[CLASSES]
        towers = self._base_tower_layers_for_heads
        for level, feature_map in enumerate(inputs):
            box_features = run(towers[BOXES][level], feature_map, training)
            class_features = (
                run(towers[CLASSES][level], feature_map, training)
                if CLASSES in towers
                else box_features
            )
            codes.append(self._box_prediction_head(box_features))
            logits.append(class_head(class_features))
        return tf.concat(codes, axis=1), tf.concat(logits, axis=1)


def _head_convolution(spec: BoxPredictor, filters: int, name: str, **options: Any) -> Any:
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


def _tower_convolutions(spec: BoxPredictor, tower: str) -> list[Any]:
    names = [f"{tower}/conv2d_{number}" for number in range(spec.num_layers)]
    # A predictor's batch norm makes the bias needless, whether or not it centres.
    bias = spec.hyperparams.force_use_bias or spec.hyperparams.batch_norm is None
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
    spec: BoxPredictor, tower: str, convolutions: list[Any], level: int, *, frozen: bool
) -> list[Any]:
    """Convolution, batch norm of the level, activation; so often as there are layers."""
    stack: list[Any] = []
    for number, shared in enumerate(convolutions):
        prefix = f"{tower}/conv2d_{number}"
        stack.append(shared)
        if spec.hyperparams.batch_norm is not None:
            norm = f"{prefix}/BatchNorm/feature_{level}"
            stack.append(batch_norm(spec.hyperparams, norm, frozen=frozen))
        stack.append(activation(spec.hyperparams, f"{prefix}/activation_{level}"))
    return stack
