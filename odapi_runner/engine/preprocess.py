"""Images as the network wants them.

Source: `preprocess` of the feature extractors in object_detection/models/, and
core/preprocessor.py, `resize_to_range` and its like.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from odapi_runner.engine.spec.backbone import Backbone
from odapi_runner.engine.spec.resizer import (
    ConditionalShape,
    FixedShape,
    KeepAspect,
    PadToMultiple,
    Resizer,
    input_size,
)

_METHODS = {
    "BILINEAR": tf.image.ResizeMethod.BILINEAR,
    "NEAREST_NEIGHBOR": tf.image.ResizeMethod.NEAREST_NEIGHBOR,
    "BICUBIC": tf.image.ResizeMethod.BICUBIC,
    "AREA": tf.image.ResizeMethod.AREA,
}


_BLACK = (0.0, 0.0, 0.0)


class Normalization(NamedTuple):
    """Pixels 0..255 become `pixel * factor - offset`, each channel (RGB) by its own."""

    factor: tuple[float, float, float]
    offset: tuple[float, float, float]


# (pixel / 255 - mean) / spread, of the means and spreads of ImageNet's channels.
IMAGENET = Normalization(
    factor=(1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
    offset=(0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225),
)
SYMMETRIC = Normalization((2 / 255,) * 3, (1.0,) * 3)
VGG_MEANS = Normalization((1.0,) * 3, (123.68, 116.779, 103.939))


def normalization(backbone: Backbone) -> Normalization:
    """What a backbone was trained with."""
    if "efficientnet" in backbone.type:
        return IMAGENET
    return SYMMETRIC if "mobilenet" in backbone.type else VGG_MEANS


def normalize(image: tf.Tensor, by: Normalization) -> tf.Tensor:
    """Pixels 0..255, float32 [..., 3] (RGB), to what the network wants."""
    return image * by.factor - by.offset


def denormalize(image: tf.Tensor, by: Normalization) -> tf.Tensor:
    """The inverse of `normalize`, in 0..1, for looking at."""
    return tf.clip_by_value((image + by.offset) / by.factor / 255.0, 0.0, 1.0)


def resize(
    image: tf.Tensor, spec: Resizer, by: Normalization | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Bring an image to the network's size, and its pixels to what the network wants.

    Args:
        image: uint8 or float32 [height, width, 3].
        spec: what the config says.
        by: of the pixels; None leaves them as they are. It comes after resizing, where there are
            fewer pixels as a rule, and before padding, whose values are the network's own.
            (Resizing takes means, so this gives what the Object Detection API's order gives.)

    Returns:
        float32 [height, width, 3], padded where the config wants it, and int32 [2]: height and
        width of the image in it.
    """
    size = input_size(spec)
    if size is not None and image.shape == [*size, 3]:
        return _as_floats(image, by), tf.constant(size)
    if isinstance(spec, PadToMultiple):
        shape_hw = tf.shape(image)[:2]
        padded_hw = shape_hw + -shape_hw % spec.multiple
        return _padded(_as_floats(image, by), shape_hw, padded_hw, _BLACK), shape_hw
    shape_hw = _fitted_shape(tf.shape(image)[:2], spec)
    # TF1's sampling (no half-pixel centres), as the Object Detection API's preprocessor.
    fitted = tf.compat.v1.image.resize_images(
        image,
        shape_hw,
        method=_METHODS[spec.method],
        align_corners=isinstance(spec, ConditionalShape),
    )
    fitted = _as_floats(fitted, by)
    if isinstance(spec, KeepAspect) and spec.pad_value is not None:
        padded_hw = tf.fill([2], spec.max_dimension)
        fitted = _padded(fitted, shape_hw, padded_hw, spec.pad_value)
    return tf.ensure_shape(fitted, [*(size or (None, None)), 3]), shape_hw


def _as_floats(image: tf.Tensor, by: Normalization | None) -> tf.Tensor:
    image = tf.cast(image, tf.float32)
    return image if by is None else normalize(image, by)


def _fitted_shape(shape_hw: tf.Tensor, spec: FixedShape | KeepAspect | ConditionalShape) -> Any:
    """Height and width of the resized image, int32 [2]."""
    if isinstance(spec, FixedShape):
        return tf.constant([spec.height, spec.width])
    shape = tf.cast(shape_hw, tf.float32)
    shorter, longer = tf.reduce_min(shape), tf.reduce_max(shape)
    if isinstance(spec, ConditionalShape):
        wanted = float(spec.size)
        scale = (
            tf.minimum(longer, wanted) / longer
            if spec.shrink
            else tf.maximum(shorter, wanted) / shorter
        )
        fitted = tf.cast(shape * scale, tf.int32)
    else:
        scale = tf.minimum(spec.min_dimension / shorter, spec.max_dimension / longer)
        fitted = tf.cast(tf.round(scale * shape), tf.int32)
    # A very thin image keeps at least one row of pixels.
    return tf.maximum(fitted, 1)


def _padded(
    image: tf.Tensor, shape_hw: tf.Tensor, padded_hw: tf.Tensor, value: tuple[float, float, float]
) -> tf.Tensor:
    height, width = tf.unstack(padded_hw)
    padded = tf.image.pad_to_bounding_box(image, 0, 0, height, width)
    if value == _BLACK:
        return padded
    rows = tf.range(height) < shape_hw[0]
    columns = tf.range(width) < shape_hw[1]
    inside = rows[:, None] & columns[None, :]
    return tf.where(inside[..., None], padded, value)
