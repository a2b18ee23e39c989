"""Mirroring, and turning by a quarter.

Source: object_detection/core/preprocessor.py, `random_horizontal_flip`, `random_vertical_flip`,
`random_rotation90`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.augment import draws
from odapi_runner.engine.augment.spec import HorizontalFlip, Rotation90, VerticalFlip
from odapi_runner.engine.records import Sample


def horizontal_flip(sample: Sample, step: HorizontalFlip, seed: tf.Tensor) -> Sample:
    """Mirror left and right, with the step's probability."""
    wanted = draws.happens(seed, step.probability)
    ymin, xmin, ymax, xmax = tf.unstack(sample.boxes, axis=1)
    return _where(wanted, sample, [1], [ymin, 1 - xmax, ymax, 1 - xmin])


def vertical_flip(sample: Sample, step: VerticalFlip, seed: tf.Tensor) -> Sample:
    """Mirror top and bottom, with the step's probability."""
    wanted = draws.happens(seed, step.probability)
    ymin, xmin, ymax, xmax = tf.unstack(sample.boxes, axis=1)
    return _where(wanted, sample, [0], [1 - ymax, xmin, 1 - ymin, xmax])


def _where(wanted: tf.Tensor, sample: Sample, axes: list[int], mirrored: list[tf.Tensor]) -> Sample:
    image = tf.cond(wanted, lambda: tf.reverse(sample.image, axes), lambda: sample.image)
    boxes = tf.where(wanted, tf.stack(mirrored, axis=1), sample.boxes)
    return sample._replace(image=image, boxes=boxes)


def rotation90(sample: Sample, step: Rotation90, seed: tf.Tensor) -> Sample:
    """Turn a quarter to the left, with the step's probability."""
    wanted = draws.happens(seed, step.probability)
    image = tf.cond(
        wanted,
        lambda: tf.reverse(tf.transpose(sample.image, [1, 0, 2]), [0]),
        lambda: tf.identity(sample.image),
    )
    ymin, xmin, ymax, xmax = tf.unstack(sample.boxes, axis=1)
    turned = tf.stack([1 - xmax, ymin, 1 - xmin, ymax], axis=1)
    return sample._replace(
        # Height and width may have changed places.
        image=tf.ensure_shape(image, [None, None, 3]),
        boxes=tf.where(wanted, turned, sample.boxes),
    )
