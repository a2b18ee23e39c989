"""Single-shot detectors: the network, without losses or post-processing.

Attribute names are a checkpoint's keys: `_feature_extractor` and `_box_predictor`, with what the
modules of backbone, neck and head hold.

Source: object_detection/meta_architectures/ssd_meta_arch.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from odapi_runner.anchors import anchors_per_location, generate_anchors
from odapi_runner.engine.heads.convolutional import ConvolutionalPredictorNetwork
from odapi_runner.engine.heads.weight_shared import WeightSharedPredictorNetwork
from odapi_runner.engine.keras import Model
from odapi_runner.engine.models.extractors import build_extractor
from odapi_runner.engine.spec import SmallerMapsNeck, Ssd, WeightSharedPredictor
from odapi_runner.engine.stochastic import draws


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the network says of a batch, of A anchors."""

    codes: tf.Tensor  # float32 [batch, A, 4], as the config's box coder has them
    logits: tf.Tensor  # float32 [batch, A, classes], one more in front with a background class
    anchors: tf.Tensor  # float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's sides
    feature_maps: list[tf.Tensor]  # of each level, finest first


class SsdNetwork(Model):
    """The detector's network, its anchors, its regularisation.

    Attributes:
        draws_per_example: how many uniform numbers an example needs in training.
    """

    def __init__(self, spec: Ssd) -> None:
        super().__init__(name="ssd")
        self._spec = spec
        self._box_predictor = _build_predictor(spec)
        self._feature_extractor = build_extractor(spec.backbone, frozen=spec.freeze_batchnorm)

    @property
    def draws_per_example(self) -> int:
        # The last one is the heads'.
        dropout = self._spec.box_predictor.dropout is not None
        return self._feature_extractor.draws_per_example + int(dropout)

    def build_variables(self) -> None:
        """Make all variables by running once over a blank image that is large enough."""
        neck = self._spec.backbone.neck
        side = 128 if isinstance(neck, SmallerMapsNeck) else max(128, 2**neck.max_level)
        self.predict_batch(tf.zeros([1, side, side, 3]), training=False)

    def predict_batch(
        self, images: tf.Tensor, *, training: bool, uniform: tf.Tensor | None = None
    ) -> Predictions:
        """Run the network.

        Args:
            images: float32 [batch, height, width, 3], normalised (`preprocess.normalize`).
            training: whether batch norm uses, and updates by, the batch's statistics.
            uniform: float32 [batch, draws_per_example] for stochastic depth and dropout; None
                drops nothing.
        """
        with draws(uniform):
            feature_maps = self._feature_extractor(images, training=training)
            codes, logits = self._box_predictor(feature_maps, training=training)
        anchors = self._anchors(images, feature_maps)
        return Predictions(codes, logits, anchors, feature_maps)

    def _anchors(self, images: tf.Tensor, feature_maps: list[tf.Tensor]) -> tf.Tensor:
        """A constant where all sizes are known; else made anew for each batch."""

        def made(image_size: np.ndarray, *map_sizes: np.ndarray) -> np.ndarray:
            height, width = image_size.tolist()
            sizes = [tuple(size.tolist()) for size in map_sizes]
            return generate_anchors(self._spec.anchors, sizes, (height, width))

        tensors = [images, *feature_maps]
        if all(tensor.shape[1:3].is_fully_defined() for tensor in tensors):
            return tf.constant(made(*(np.array(tensor.shape[1:3]) for tensor in tensors)))
        anchors = tf.numpy_function(
            made, [tf.shape(tensor)[1:3] for tensor in tensors], tf.float32, stateful=False
        )
        return tf.ensure_shape(anchors, [None, 4])

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the weight decays, float32 []."""
        losses: list[Any] = [*self._box_predictor.losses, *self._feature_extractor.losses]
        return tf.add_n(losses) if losses else tf.constant(0.0)


def _build_predictor(spec: Ssd) -> Any:
    num_slots = spec.num_classes + int(spec.background_class)
    per_location = anchors_per_location(spec.anchors)
    predictor = spec.box_predictor
    if isinstance(predictor, WeightSharedPredictor):
        return WeightSharedPredictorNetwork(
            predictor,
            num_slots=num_slots,
            num_levels=len(per_location),
            anchors_per_location=per_location[0],
            frozen=spec.freeze_batchnorm,
        )
    return ConvolutionalPredictorNetwork(
        predictor,
        num_slots=num_slots,
        anchors_per_location=per_location,
        frozen=spec.freeze_batchnorm,
    )
