"""What training and evaluation ask of a network, whatever its meta-architecture.

Source: object_detection/core/model.py, `DetectionModel`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from odapi_runner.engine.input import Batch
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.metrics import LOSS_TAGS

REGULARIZATION = LOSS_TAGS["loss_regularization"]
TOTAL = LOSS_TAGS["loss_total"]


class Detected(NamedTuple):
    """The detections of a batch, best first; D is the most that the config allows."""

    boxes: tf.Tensor  # float32 [batch, D, 4], (ymin, xmin, ymax, xmax), in units of the image
    scores: tf.Tensor  # float32 [batch, D]; 0 beyond `count`
    classes: tf.Tensor  # int32 [batch, D], from 0
    count: tf.Tensor  # int32 [batch]


class Detector(Protocol):
    """A network as a Keras model, whose attributes are a checkpoint's keys below `model`.

    What `predict_batch` returns is its own: it is only handed on to the other methods.
    """

    @property
    def variables(self) -> list[tf.Variable]:
        """All variables."""

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """The variables that a gradient may move."""

    def reached_variables(self, *, regularized: bool) -> list[tf.Variable]:
        """Those of them that a loss depends on: of predictions, and of weights if it is counted."""

    @property
    def draws_per_example(self) -> int:
        """How many uniform numbers an example needs in training."""

    def build_variables(self) -> None:
        """Make all variables."""

    def predict_batch(
        self, images: tf.Tensor, *, training: bool, uniform: tf.Tensor | None = None
    ) -> Any:
        """Run the network over normalised images, float32 [batch, height, width, 3]."""

    def detection_losses(self, predictions: Any, batch: Batch) -> dict[str, tf.Tensor]:
        """The weighted losses of what was predicted, by tag, each float32 []."""

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the weight decays, float32 []."""

    def detect(self, predictions: Any, batch: Batch) -> Detected:
        """What stands out of the predictions."""

    def restorable(self, kind: str) -> dict[str, Any]:
        """The children of a fine-tune checkpoint's root, by its type."""


def total_losses(
    spec: Spec, detector: Detector, predictions: Any, batch: Batch
) -> dict[str, tf.Tensor]:
    """All losses of a batch by their tags, and their sum, each float32 []."""
    losses = detector.detection_losses(predictions, batch)
    if spec.train.regularize:
        losses[REGULARIZATION] = detector.regularization_loss()
    losses[TOTAL] = tf.add_n(list(losses.values()))
    return losses
