"""Single-shot detectors: the network, and what training and evaluation ask of it.

Attribute names are a checkpoint's keys: `_feature_extractor` and `_box_predictor`, with what the
modules of backbone, neck and head hold.

Source: object_detection/meta_architectures/ssd_meta_arch.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from odapi_runner.anchors import anchors_per_location, generate_anchors
from odapi_runner.engine.detector import Detected
from odapi_runner.engine.heads.convolutional import ConvolutionalPredictorNetwork
from odapi_runner.engine.heads.weight_shared import WeightSharedPredictorNetwork
from odapi_runner.engine.input import Batch
from odapi_runner.engine.keras import Model
from odapi_runner.engine.spec.backbone import SmallerMapsNeck
from odapi_runner.engine.spec.predictors import WeightSharedPredictor
from odapi_runner.engine.ssd.detect import detect
from odapi_runner.engine.ssd.extractors import build_extractor
from odapi_runner.engine.ssd.losses import detection_losses
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.random_examples import draw_examples
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import assign_targets
from odapi_runner.engine.stochastic import draws


class SsdNetwork(Model):
    """A `Detector`: the network, its anchors, its losses, its detections."""

    def __init__(self, spec: Ssd) -> None:
        super().__init__(name="ssd")
        self._spec = spec
        self._box_predictor = _build_predictor(spec)
        self._feature_extractor = build_extractor(spec.backbone, frozen=spec.freeze_batchnorm)

    @property
    def draws_per_example(self) -> int:
        # The last one is that of the heads and of the drawing of anchors.
        drawn = self._spec.box_predictor.dropout or self._spec.loss.positive_share
        return self._feature_extractor.draws_per_example + int(drawn is not None)

    def build_variables(self) -> None:
        """Make all variables by running once over a blank image that is large enough."""
        neck = self._spec.backbone.neck
        side = 128 if isinstance(neck, SmallerMapsNeck) else max(128, 2**neck.max_level)
        with tf.GradientTape() as tape:
            self.predict_batch(tf.zeros([1, side, side, 3]), training=False)
        with tf.GradientTape() as decay_tape:
            self.regularization_loss()
        self._predicting, self._decaying = _watched(tape), _watched(decay_tape)

    def reached_variables(self, *, regularized: bool) -> list[tf.Variable]:
        """The trainable variables that a loss depends on.

        A backbone may have others, which are there for checkpoints of its classifier only. Of those
        some decay all the same.

        Args:
            regularized: whether the weights' decay is among the losses.
        """
        reached = self._predicting | (self._decaying if regularized else frozenset())
        return [one for one in self.trainable_variables if id(_holder(one)) in reached]

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
            predicted = self._box_predictor(feature_maps, training=training)
        # All that follows is float32, whatever the network computes in.
        codes, logits = (tf.cast(one, tf.float32) for one in predicted)
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

    def detection_losses(self, predictions: Predictions, batch: Batch) -> dict[str, tf.Tensor]:
        """The weighted losses of localisation and classification by their tags, float32 []."""
        targets = assign_targets(
            self._spec,
            predictions.anchors,
            batch.boxes,
            batch.classes,
            batch.weights,
            batch.ignored,
        )
        if self._spec.loss.positive_share is not None:
            targets = draw_examples(targets, self._spec.loss.positive_share, batch.uniform)
        return detection_losses(self._spec, predictions, targets)

    def detect(self, predictions: Predictions, batch: Batch) -> Detected:
        """What stands out of the predictions, best first."""
        return detect(self._spec, predictions, batch.shapes_hw, tf.shape(batch.images)[1:3])

    def restorable(self, kind: str) -> dict[str, Any]:
        """What a fine-tune checkpoint of a type (`detection`, `classification`, `full`) holds.

        Returns:
            The children of the checkpoint's root, by name.

        Source: `restore_from_objects`.
        """
        extractor = self._feature_extractor
        if kind == "classification":
            return {"feature_extractor": extractor.classification_backbone}
        if kind == "detection":
            return {"model": tf.train.Checkpoint(_feature_extractor=extractor)}
        return {"model": self}

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the weight decays, float32 []."""
        losses: list[Any] = [*self._box_predictor.losses, *self._feature_extractor.losses]
        return tf.add_n(losses) if losses else tf.constant(0.0)


def _watched(tape: tf.GradientTape) -> frozenset[int]:
    """The identities of the variables that were read while a tape looked."""
    whole = tf.distribute.get_strategy().extended.value_container
    return frozenset(id(_holder(whole(one))) for one in tape.watched_variables())


def _holder(variable: tf.Variable) -> tf.Variable:
    """What is read where a variable is: in half precision Keras hands out a cast of another."""
    held: tf.Variable = getattr(variable, "_variable", variable)
    return held


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
