"""Steps that change pixels, and no place: ranges of values, noise, patches, compression.

Source: object_detection/core/preprocessor.py, and utils/patch_ops.py, `get_patch_mask`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.spec import (
    BlackPatches,
    JpegQuality,
    NormalizeImage,
    PatchGaussian,
    PixelValueScale,
    SubtractChannelMean,
)
from odapi_runner.engine.records import Sample


def normalize_image(sample: Sample, step: NormalizeImage, _seed: tf.Tensor) -> Sample:
    """Move one range of values onto another."""
    (low, high), (new_low, new_high) = step.original, step.target
    image = (tf.cast(sample.image, tf.float32) - low) * ((new_high - new_low) / (high - low))
    return sample._replace(image=image + new_low)


def subtract_channel_mean(sample: Sample, step: SubtractChannelMean, _seed: tf.Tensor) -> Sample:
    """Subtract a number a channel."""
    return sample._replace(image=tf.cast(sample.image, tf.float32) - step.means)


def pixel_value_scale(sample: Sample, step: PixelValueScale, seed: tf.Tensor) -> Sample:
    """Multiply each value by a number of its own."""
    factors = tf.random.stateless_uniform(tf.shape(sample.image), seed, *step.scale)
    image = tf.cast(sample.image, tf.float32) * factors
    return sample._replace(image=tf.clip_by_value(image, 0.0, 255.0))


def black_patches(sample: Sample, step: BlackPatches, seed: tf.Tensor) -> Sample:
    """Blacken squares; each of `max_patches` is there with the step's probability."""
    image = tf.cast(sample.image, tf.float32)
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    ratio, count = step.size_to_image_ratio, step.max_patches
    side = tf.cast(tf.reduce_min(shape) * ratio, tf.int32)
    seeds = draws.split(seed, 2)
    there = tf.random.stateless_uniform([count], seeds[0]) < step.probability
    first = tf.random.stateless_uniform([2, count], seeds[1], 0.0, 1 - ratio)
    first = tf.cast(first * shape[:, None], tf.int32)

    def covered(axis: int) -> tf.Tensor:
        """Which rows or columns each patch covers: bool [count, size]."""
        places = tf.range(tf.shape(image)[axis])
        return (places >= first[axis][:, None]) & (places < first[axis][:, None] + side)

    rows = tf.cast(covered(0) & there[:, None], tf.float32)
    patches = tf.matmul(rows, tf.cast(covered(1), tf.float32), transpose_a=True)
    kept = tf.cast(patches == 0, tf.float32)
    return sample._replace(image=image * kept[..., None])


def jpeg_quality(sample: Sample, step: JpegQuality, seed: tf.Tensor) -> Sample:
    """Compress and decompress, unless `random_coef` says no; the largest quality is not drawn."""
    seeds = draws.split(seed, 2)
    quality = draws.integer(seeds[1], step.min_quality, step.max_quality)
    before: tf.Tensor = sample.image

    def compress() -> tf.Tensor:
        # Values are cut to whole numbers; beyond 0..255 the API's cast is undefined.
        pixels = tf.saturate_cast(before, tf.uint8)
        return tf.cast(tf.image.adjust_jpeg_quality(pixels, quality), tf.float32)

    image = tf.cond(
        draws.happens(seeds[0], step.random_coef),
        lambda: tf.cast(before, tf.float32),
        compress,
    )
    return sample._replace(image=tf.ensure_shape(image, before.shape))


def patch_gaussian(sample: Sample, step: PatchGaussian, seed: tf.Tensor) -> Sample:
    """Add noise to a square around a random pixel, unless `random_coef` says no."""
    seeds = draws.split(seed, 6)
    image = tf.cast(sample.image, tf.float32)

    def add_noise() -> tf.Tensor:
        shape = window.size_of(image)
        size = draws.integer(seeds[1], step.min_patch_size, step.max_patch_size)
        center = tf.stack(
            [draws.integer(seeds[2], 0, shape[0]), draws.integer(seeds[3], 0, shape[1])]
        )
        start = tf.maximum(center - size // 2, 0)
        end = tf.minimum(center + (size + 1) // 2, shape)
        stddev = draws.number(seeds[4], *step.stddev)
        patch = image[start[0] : end[0], start[1] : end[1]]
        noise = tf.random.stateless_normal(tf.shape(patch), seeds[5], stddev=255 * stddev)
        return window.paste(image, tf.clip_by_value(patch + noise, 0.0, 255.0), start)

    changed = tf.cond(draws.happens(seeds[0], step.random_coef), lambda: image, add_noise)
    return sample._replace(image=tf.ensure_shape(changed, image.shape))
