"""Crops that come out square: EfficientDet's large-scale jittering, and CenterNet's crop.

Source: object_detection/core/preprocessor.py, `random_scale_crop_and_pad_to_square`,
`random_square_crop_by_scale`, `_get_crop_border`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.spec import ScaleCropPad, SquareCropByScale
from odapi_runner.engine.records import Sample


def scale_crop_pad(sample: Sample, step: ScaleCropPad, seed: tf.Tensor) -> Sample:
    """Scale the longer side to `output_size` times a random factor, then crop or pad.

    What is too large is cropped at a random place, what is too small is padded at the bottom and
    the right. Boxes without a part in the crop are dropped, the others clipped.
    """
    size = step.output_size
    numbers = tf.random.stateless_uniform([3], seed)
    factor = step.scale_min + numbers[0] * (step.scale_max - step.scale_min)
    shape = tf.cast(window.size_of(sample.image), tf.float32)
    scaled = tf.cast(factor * size * (shape / tf.reduce_max(shape)), tf.int32)
    # A very thin image at a small scale keeps at least one row of pixels.
    scaled = tf.maximum(scaled, 1)
    offset = tf.cast(tf.cast(tf.maximum(scaled - size, 0), tf.float32) * numbers[1:], tf.int32)
    image = tf.compat.v1.image.resize_images(sample.image, scaled)
    image = image[offset[0] : offset[0] + size, offset[1] : offset[1] + size]
    image = tf.image.pad_to_bounding_box(image, 0, 0, size, size)
    sample = sample._replace(image=tf.ensure_shape(image, [size, size, 3]))
    return _seen(sample, window.normalized(offset, offset + size, scaled))


def square_crop_by_scale(sample: Sample, step: SquareCropByScale, seed: tf.Tensor) -> Sample:
    """Cut out a square around a random pixel; what it has beyond the image is black.

    Its side is the longer one of the image times one of `num_scales` evenly spaced scales. The
    last row and column of the image are never in it, as in the Object Detection API.
    """
    chosen, *places = draws.split(seed, 3)
    size = window.size_of(sample.image)
    scale = tf.gather(
        tf.linspace(*step.scale, step.num_scales), draws.integer(chosen, 0, step.num_scales)
    )
    side = tf.cast(scale * tf.cast(tf.reduce_max(size), tf.float32), tf.int32)
    border = _border(step.max_border, size)
    center = tf.stack(
        [
            draws.integer(places[axis], border[axis], size[axis] - border[axis] + 1)
            for axis in range(2)
        ]
    )
    begin = center - side // 2
    first = tf.maximum(begin, 0)
    last = tf.minimum(center + side // 2, size - 1)
    # In an image of one row nothing is left between the two.
    last = tf.maximum(first, last)
    image: tf.Tensor = sample.image
    image = image[first[0] : last[0], first[1] : last[1]]
    offset = first - begin
    image = tf.image.pad_to_bounding_box(image, offset[0], offset[1], side, side)
    sample = sample._replace(image=tf.ensure_shape(image, [None, None, 3]))
    return _seen(sample, window.normalized(begin, begin + side, size))


def _border(largest: int, size: tf.Tensor) -> tf.Tensor:
    """The largest border, halved until the image has more than two of it: int32 [2]."""
    halvings = tf.math.ceil(tf.math.log(2 * largest / tf.cast(size, tf.float32)) / tf.math.log(2.0))
    return largest // tf.cast(tf.clip_by_value(2**halvings, 1, largest), tf.int32)


def _seen(sample: Sample, view: tf.Tensor) -> Sample:
    """The boxes with a part in a window, in its coordinates, clipped to it."""
    sample = sample._replace(boxes=boxes.change_frame(sample.boxes, view))
    sample = window.keep(sample, boxes.touches(sample.boxes, boxes.IDENTITY_WINDOW))
    return sample._replace(boxes=boxes.clip(sample.boxes, boxes.IDENTITY_WINDOW))
