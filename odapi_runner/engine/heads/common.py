"""What both kinds of box predictor share."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.keras import layers
from odapi_runner.engine.spec.layers import Dropout
from odapi_runner.engine.stochastic import DropFeatures

# The heads' names in a checkpoint.
BOXES = "box_encodings"
CLASSES = "class_predictions_with_background"


def flat(predictions: tf.Tensor, size: int) -> tf.Tensor:
    """[batch, height, width, anchors * size] to [batch, height * width * anchors, size]."""
    _, height, width, depth = predictions.shape
    if height is None or width is None:
        return tf.reshape(predictions, [tf.shape(predictions)[0], -1, size])
    return tf.reshape(predictions, [-1, height * width * depth // size, size])


def clipped(codes: tf.Tensor, limits: tuple[float, float] | None) -> tf.Tensor:
    """The codes inside `limits`, if there are any."""
    return codes if limits is None else tf.clip_by_value(codes, *limits)


def dropped(dropout: Dropout | None, salt: int = 0) -> list[layers.Layer]:
    """A layer of dropout, if there is to be one; another `salt` draws otherwise."""
    return [] if dropout is None else [DropFeatures(1 - dropout.keep, salt)]
