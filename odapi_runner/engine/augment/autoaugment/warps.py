"""AutoAugment's turning, moving and shearing, of images (uint8) and of boxes with them.

Boxes are cut to whole pixels on the way, clipped to the image, and one that is left without height
or width at a side gets a twentieth of the image there: all as in the source, since no box is lost.

Source: object_detection/utils/autoaugment_utils.py; the projective transforms of rotations are
tf.contrib.image's, `angles_to_projective_transforms`.
"""

from __future__ import annotations

import math

import tensorflow as tf

from odapi_runner.engine import boxes as box_math
from odapi_runner.engine.augment.autoaugment.tones import GRAY

_MARGIN = 0.05


def rotate(image: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Turn counterclockwise around the middle."""
    angle = degrees * (math.pi / 180)
    sine, cosine = tf.sin(angle), tf.cos(angle)
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2] - 1, tf.float32))
    right = (width - (cosine * width - sine * height)) / 2
    down = (height - (sine * width + cosine * height)) / 2
    return _transformed(image, [cosine, -sine, right, sine, cosine, down])


def rotate_boxes(boxes: tf.Tensor, size: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """The boxes around the turned corners of boxes."""
    angle = degrees * (math.pi / 180)
    sine, cosine = tf.sin(angle), tf.cos(angle)
    y, x = _corners(boxes - 0.5, size)
    # There y points up while it turns.
    up = _whole(cosine * -y + sine * x)
    right = _whole(sine * y + cosine * x)
    return _around(-up, right, size, 0.5)


def translate(image: tf.Tensor, pixels: tf.Tensor, axis: int) -> tf.Tensor:
    """Move the image up (axis 0) or to the left (axis 1)."""
    down, right = (pixels, 0.0) if axis == 0 else (0.0, pixels)
    return _transformed(image, [1.0, 0.0, right, 0.0, 1.0, down])


def translate_boxes(boxes: tf.Tensor, size: tf.Tensor, pixels: tf.Tensor, axis: int) -> tf.Tensor:
    """Move the boxes up (axis 0) or to the left (axis 1)."""
    scale = tf.tile(size, [2])
    shift = tf.constant([1.0, 0.0] if axis == 0 else [0.0, 1.0])
    shift = tf.tile(shift * _whole(pixels), [2])
    return _seen((_whole(boxes * scale) - shift) / scale)


def shear(image: tf.Tensor, level: tf.Tensor, axis: int) -> tf.Tensor:
    """Move each column up (axis 0), or each row to the left (axis 1), by level times its number."""
    vertical, horizontal = (level, 0.0) if axis == 0 else (0.0, level)
    return _transformed(image, [1.0, horizontal, 0.0, vertical, 1.0, 0.0])


def shear_boxes(boxes: tf.Tensor, size: tf.Tensor, level: tf.Tensor, axis: int) -> tf.Tensor:
    """The boxes around the sheared corners of boxes."""
    y, x = _corners(boxes, size)
    y, x = (_whole(y - level * x), x) if axis == 0 else (y, _whole(x - level * y))
    return _around(y, x, size, 0.0)


def _whole(value: tf.Tensor) -> tf.Tensor:
    """Without what is behind the point."""
    return tf.cast(tf.cast(value, tf.int32), tf.float32)


def _transformed(image: tf.Tensor, matrix: list[float | tf.Tensor]) -> tf.Tensor:
    """Take each pixel from where a matrix, by rows of (x, y, 1), says; grey from outside."""
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([*matrix, 0.0, 0.0])[None],
        output_shape=tf.shape(image)[:2],
        fill_value=float(GRAY),
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
    return moved[0]


def _corners(boxes: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """y and x of the four corners, whole pixels, float32 [n, 4] each."""
    ymin, xmin, ymax, xmax = tf.unstack(_whole(boxes * tf.tile(size, [2])), axis=1)
    return tf.stack([ymin, ymin, ymax, ymax], axis=1), tf.stack([xmin, xmax, xmin, xmax], axis=1)


def _around(y: tf.Tensor, x: tf.Tensor, size: tf.Tensor, origin: float) -> tf.Tensor:
    """The boxes around corners [n, 4] in pixels from an origin in shares of the image."""
    low = tf.stack([tf.reduce_min(y, axis=1), tf.reduce_min(x, axis=1)], axis=1)
    high = tf.stack([tf.reduce_max(y, axis=1), tf.reduce_max(x, axis=1)], axis=1)
    return _seen(tf.concat([low / size, high / size], axis=1) + origin)


def _seen(boxes: tf.Tensor) -> tf.Tensor:
    """Boxes clipped to the image; one without height or width gets a margin of the image."""
    ends = box_math.clip(boxes, box_math.IDENTITY_WINDOW)
    low, high = ends[:, :2], ends[:, 2:]
    empty = low == high
    low, high = (
        tf.where(empty, tf.minimum(low, 1 - _MARGIN), low),
        tf.where(empty, tf.maximum(high, _MARGIN), high),
    )
    return tf.concat([low, high], axis=1)
