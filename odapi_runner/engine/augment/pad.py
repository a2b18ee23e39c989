"""Random padding, alone and after a random crop.

Source: object_detection/core/preprocessor.py, `random_pad_image`, `random_absolute_pad_image`,
`random_crop_pad_image`, `ssd_random_crop_pad`, `random_pad_to_aspect_ratio`,
`ssd_random_crop_pad_fixed_aspect_ratio`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.crop import crop_by, crop_image
from odapi_runner.engine.augment.spec import (
    AbsolutePadImage,
    CropImage,
    CropPadFixedAspectRatio,
    CropPadImage,
    PadImage,
)
from odapi_runner.engine.records import Sample


def pad_image(sample: Sample, step: PadImage, seed: tf.Tensor) -> Sample:
    """Pad to a random size, at a random place."""
    size = window.size_of(sample.image)
    smallest = size if step.min_size is None else tf.constant(step.min_size)
    largest = 2 * size if step.max_size is None else tf.constant(step.max_size)
    return _pad_between(sample, smallest, largest, _color(sample, step.color), seed)


def absolute_pad_image(sample: Sample, step: AbsolutePadImage, seed: tf.Tensor) -> Sample:
    """Pad by less than `max_padding` pixels in each direction."""
    size = window.size_of(sample.image)
    return _pad_between(sample, size, size + step.max_padding, _color(sample, step.color), seed)


def crop_pad_image(sample: Sample, step: CropPadImage, seed: tf.Tensor) -> Sample:
    """Crop by an operation, then pad to multiples of the size before the crop."""
    chosen, first, second = draws.split(seed, 3)
    operation = draws.integer(chosen, 0, len(step.operations))
    before = tf.cast(window.size_of(sample.image), tf.float32)
    sample = crop_by(sample, step.operations, operation, first)
    smallest, largest = (
        tf.cast(before * tf.gather(ratios, operation), tf.int32)
        for ratios in zip(*((one.min_ratio, one.max_ratio) for one in step.paddings), strict=True)
    )
    # Either all paddings have a color or none has one.
    color = _color(sample, step.paddings[0].color)
    if step.paddings[0].color is not None:
        color = tf.gather([one.color for one in step.paddings], operation)
    return _pad_between(sample, smallest, largest, color, second)


def crop_pad_fixed_aspect_ratio(
    sample: Sample, step: CropPadFixedAspectRatio, seed: tf.Tensor
) -> Sample:
    """Crop by an operation, then pad in black at bottom and right to the aspect ratio."""
    first, second = draws.split(seed, 2)
    sample = crop_image(sample, CropImage(step.operations), first)
    size = tf.cast(window.size_of(sample.image), tf.float32)
    height, width = tf.unstack(size)
    fitted = tf.maximum(size, [width / step.aspect_ratio, height * step.aspect_ratio])
    largest = tf.reduce_min(tf.maximum(step.max_ratio * size, fitted) / fitted)
    smallest = tf.reduce_max(tf.maximum(step.min_ratio * size, fitted) / fitted)
    scale = draws.number(second, tf.minimum(smallest, largest), largest)
    target = tf.cast(tf.round(scale * fitted), tf.int32)
    return window.pad(sample, tf.constant([0, 0]), target, None)


def _color(sample: Sample, color: tuple[float, float, float] | None) -> tf.Tensor:
    """The color to pad with: without one the image's mean."""
    if color is not None:
        return tf.constant(color)
    return tf.reduce_mean(tf.cast(sample.image, tf.float32), axis=[0, 1])


def _pad_between(
    sample: Sample, smallest: tf.Tensor, largest: tf.Tensor, color: tf.Tensor, seed: tf.Tensor
) -> Sample:
    """Pad to a size from `smallest` on and below `largest`, neither below the image's."""
    size = window.size_of(sample.image)
    smallest, largest = tf.maximum(smallest, size), tf.maximum(largest, size)
    seeds = draws.split(seed, 4)
    # Where no size is between them it is the largest.
    target = tf.stack(
        [draws.integer(seeds[axis], smallest[axis], largest[axis]) for axis in range(2)]
    )
    target = tf.where(largest > smallest, target, largest)
    offset = tf.stack(
        [draws.integer(seeds[2 + axis], 0, target[axis] - size[axis]) for axis in range(2)]
    )
    return window.pad(sample, offset, target, color)
