"""Steps that resize the image; boxes are in shares of it, and stay.

Source: object_detection/core/preprocessor.py. Resizing is TF1's, without half-pixel centres.
"""

from __future__ import annotations

from functools import partial

import tensorflow as tf

from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.spec import (
    DownscaleToTargetPixels,
    ImageScale,
    ResizeImage,
    ResizeMethod,
    ScaleBoxesToPixels,
)
from odapi_runner.engine.records import Sample

_METHODS = ("BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA")


def image_scale(sample: Sample, step: ImageScale, seed: tf.Tensor) -> Sample:
    """Scale by a random factor; a thin image keeps at least one row."""
    size = tf.cast(window.size_of(sample.image), tf.float32)
    size = tf.maximum(tf.cast(size * draws.number(seed, *step.ratio), tf.int32), 1)
    image = tf.compat.v1.image.resize_images(sample.image, size, align_corners=True)
    return sample._replace(image=_float(image))


def resize_image(sample: Sample, step: ResizeImage, _seed: tf.Tensor) -> Sample:
    """Resize to a size; the aspect ratio changes with it."""
    return sample._replace(image=_resized(sample.image, (step.height, step.width), step.method))


def resize_method(sample: Sample, step: ResizeMethod, seed: tf.Tensor) -> Sample:
    """Resize to a size by one of the four methods, drawn evenly."""
    method = draws.integer(seed, 0, len(_METHODS))
    size = (step.height, step.width)
    branches = [partial(_resized, sample.image, size, name) for name in _METHODS]
    return sample._replace(image=tf.switch_case(method, branches))


def downscale_to_target_pixels(
    sample: Sample, step: DownscaleToTargetPixels, seed: tf.Tensor
) -> Sample:
    """Scale down to a random number of pixels, unless `random_coef` or a small image say no."""
    seeds = draws.split(seed, 2)
    size = window.size_of(sample.image)
    target = draws.integer(seeds[1], step.min_pixels, step.max_pixels)
    pixels = tf.reduce_prod(size)
    factor = tf.sqrt(tf.cast(target, tf.float32) / tf.cast(pixels, tf.float32))
    smaller = tf.maximum(tf.cast(factor * tf.cast(size, tf.float32), tf.int32), 1)
    image = tf.cond(
        draws.happens(seeds[0], step.random_coef) | (pixels <= target),
        lambda: tf.cast(sample.image, tf.float32),
        lambda: _float(tf.compat.v1.image.resize_images(sample.image, smaller)),
    )
    return sample._replace(image=tf.ensure_shape(image, [None, None, 3]))


def scale_boxes_to_pixels(sample: Sample, _step: ScaleBoxesToPixels, _seed: tf.Tensor) -> Sample:
    """Boxes in pixels, as the Object Detection API gives them on to steps and network."""
    size = tf.cast(window.size_of(sample.image), tf.float32)
    return sample._replace(boxes=sample.boxes * tf.tile(size, [2]))


def _resized(image: tf.Tensor, size: tuple[int, int], method: str) -> tf.Tensor:
    kind = getattr(tf.image.ResizeMethod, method)
    return _float(tf.compat.v1.image.resize_images(image, size, kind))


def _float(image: tf.Tensor) -> tf.Tensor:
    """Where the size is the image's already, TensorFlow returns it with its type."""
    return tf.cast(image, tf.float32)
