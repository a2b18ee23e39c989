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

from odapi_runner.anchors import multiscale_anchors
from odapi_runner.engine.backbones.efficientnet import build_efficientnet
from odapi_runner.engine.backbones.stochastic import draws
from odapi_runner.engine.heads.weight_shared import WeightSharedPredictor
from odapi_runner.engine.keras import Model
from odapi_runner.engine.necks.bifpn import BiFpn
from odapi_runner.engine.spec import Ssd


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the network says of a batch; A anchors in the order of `SsdNetwork.anchors`."""

    codes: tf.Tensor  # float32 [batch, A, 4], (ty, tx, th, tw)
    logits: tf.Tensor  # float32 [batch, A, classes]
    feature_maps: list[tf.Tensor]  # of each level, finest first


class EfficientNetBiFpn(Model):
    """The feature extractor of EfficientDet: images to pyramid."""

    def __init__(self, spec: Ssd) -> None:
        super().__init__(name="EfficientDet")
        frozen = spec.freeze_batchnorm
        classifier, levels, self.draws_per_example = build_efficientnet(
            spec.backbone, frozen=frozen
        )
        self._efficientnet = levels
        self.classification_backbone = classifier
        self._bifpn_stage = BiFpn(spec.backbone, frozen=frozen)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> list[tf.Tensor]:
        """Images float32 [batch, height, width, 3], normalised, to maps, finest first."""
        levels = self._efficientnet(inputs, training=training)
        return self._bifpn_stage(levels, training=training)


class SsdNetwork(Model):
    """The detector's network, its anchors, its regularisation.

    Attributes:
        anchors: float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's side.
        draws_per_example: how many uniform numbers an example needs in training.
    """

    def __init__(self, spec: Ssd) -> None:
        super().__init__(name="ssd")
        self._spec = spec
        self._box_predictor = WeightSharedPredictor(
            spec.box_predictor,
            num_classes=spec.num_classes,
            num_levels=spec.anchors.max_level - spec.anchors.min_level + 1,
            anchors_per_location=spec.anchors.per_location,
            frozen=spec.freeze_batchnorm,
        )
        self._feature_extractor = EfficientNetBiFpn(spec)
        size = spec.resizer.size
        sizes = [
            (size // 2**level, size // 2**level)
            for level in range(spec.anchors.min_level, spec.anchors.max_level + 1)
        ]
        self.anchors: np.ndarray = multiscale_anchors(spec.anchors, sizes, (size, size))

    @property
    def draws_per_example(self) -> int:
        return self._feature_extractor.draws_per_example

    def build_variables(self) -> None:
        """Make all variables by running once over a blank image of the smallest size."""
        side = 2**self._spec.anchors.max_level
        self.predict_batch(tf.zeros([1, side, side, 3]), training=False)

    def predict_batch(
        self, images: tf.Tensor, *, training: bool, uniform: tf.Tensor | None = None
    ) -> Predictions:
        """Run the network.

        Args:
            images: float32 [batch, side, side, 3], normalised (`preprocess.normalize`).
            training: whether batch norm uses, and updates by, the batch's statistics.
            uniform: float32 [batch, draws_per_example] for stochastic depth; None drops nothing.
        """
        with draws(uniform):
            feature_maps = self._feature_extractor(images, training=training)
        codes, logits = self._box_predictor(feature_maps, training=training)
        return Predictions(codes, logits, feature_maps)

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the weight decays, float32 []."""
        losses: list[Any] = [*self._box_predictor.losses, *self._feature_extractor.losses]
        return tf.add_n(losses) if losses else tf.constant(0.0)
