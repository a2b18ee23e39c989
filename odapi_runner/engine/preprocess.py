"""Images as the network wants them.

Source: object_detection/models/ssd_efficientnet_bifpn_feature_extractor.py, `preprocess`, and
core/preprocessor.py, `resize_to_range`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.spec import Resizer

MEAN = (0.485, 0.456, 0.406)
SCALE = (0.229, 0.224, 0.225)
# (image / 255 - MEAN) / SCALE in two passes over the pixels instead of three.
_FACTOR = tuple(1 / (255 * scale) for scale in SCALE)
_OFFSET = tuple(mean / scale for mean, scale in zip(MEAN, SCALE, strict=True))


def normalize(image: tf.Tensor) -> tf.Tensor:
    """Pixels 0..255, float32 [..., 3] (RGB), to the mean and spread of ImageNet's."""
    return image * _FACTOR - _OFFSET


def resize_and_pad(image: tf.Tensor, spec: Resizer) -> tuple[tf.Tensor, tf.Tensor]:
    """Fit an image into the input's square.

    Args:
        image: float32 [height, width, 3].
        spec: the side of the square, and the value of the padding at the bottom or the right.

    Returns:
        float32 [size, size, 3], and int32 [2]: height and width of the image in it.
    """
    size = spec.size
    if image.shape == [size, size, 3]:
        return image, tf.constant([size, size])
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    # A very thin image keeps at least one row of pixels.
    shape_hw = tf.maximum(tf.cast(tf.round(size / tf.reduce_max(shape) * shape), tf.int32), 1)
    # TF1's sampling (no half-pixel centres), as the Object Detection API's preprocessor.
    fitted = tf.compat.v1.image.resize_images(image, shape_hw)
    inside = tf.sequence_mask(shape_hw, size)  # [2, size]: the rows, the columns
    inside = inside[0][:, None] & inside[1][None, :]
    padded = tf.where(
        inside[..., None], tf.image.pad_to_bounding_box(fitted, 0, 0, size, size), spec.pad_value
    )
    return tf.ensure_shape(padded, [size, size, 3]), shape_hw


def denormalize(image: tf.Tensor) -> tf.Tensor:
    """The inverse of `normalize`, in 0..1, for looking at."""
    return tf.clip_by_value(image * SCALE + MEAN, 0.0, 1.0)
