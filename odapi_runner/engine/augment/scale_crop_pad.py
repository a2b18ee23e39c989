"""Scale, crop and pad to a square: EfficientDet's large-scale jittering.

Source: object_detection/core/preprocessor.py, `random_scale_crop_and_pad_to_square`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.augment.spec import ScaleCropPad
from odapi_runner.engine.records import Sample


def scale_crop_pad(sample: Sample, step: ScaleCropPad, seed: tf.Tensor) -> Sample:
    """Scale the longer side to `output_size` times a random factor, then crop or pad.

    What is too large is cropped at a random place, what is too small is padded at the bottom and
    the right. Boxes without a part in the crop are dropped, the others clipped.
    """
    size = step.output_size
    draws = tf.random.stateless_uniform([3], seed)
    factor = step.scale_min + draws[0] * (step.scale_max - step.scale_min)
    shape = tf.cast(tf.shape(sample.image)[:2], tf.float32)
    scaled = tf.cast(factor * size * (shape / tf.reduce_max(shape)), tf.int32)
    # A very thin image at a small scale keeps at least one row of pixels.
    scaled = tf.maximum(scaled, 1)
    offset = tf.cast(tf.cast(tf.maximum(scaled - size, 0), tf.float32) * draws[1:], tf.int32)
    image = tf.compat.v1.image.resize_images(sample.image, scaled)
    image = image[offset[0] : offset[0] + size, offset[1] : offset[1] + size]
    image = tf.image.pad_to_bounding_box(image, 0, 0, size, size)

    corners = tf.cast(tf.concat([offset, offset + size], axis=0), tf.float32)
    window = corners / tf.cast(tf.tile(scaled, [2]), tf.float32)
    moved = boxes.change_frame(sample.boxes, window)
    inside = boxes.touches(moved, boxes.IDENTITY_WINDOW)
    kept = boxes.clip(tf.boolean_mask(moved, inside), boxes.IDENTITY_WINDOW)
    return Sample(
        image=tf.ensure_shape(image, [size, size, 3]),
        boxes=kept,
        classes=tf.boolean_mask(sample.classes, inside),
        weights=tf.boolean_mask(sample.weights, inside),
        ignored=tf.boolean_mask(sample.ignored, inside),
    )
