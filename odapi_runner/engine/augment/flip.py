"""Mirroring. Source: object_detection/core/preprocessor.py, `random_horizontal_flip`."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.augment.spec import HorizontalFlip
from odapi_runner.engine.records import Sample


def horizontal_flip(sample: Sample, step: HorizontalFlip, seed: tf.Tensor) -> Sample:
    """Mirror left and right, with the step's probability."""
    wanted = tf.random.stateless_uniform([], seed) < step.probability
    image = tf.cond(wanted, lambda: tf.reverse(sample.image, [1]), lambda: sample.image)
    ymin, xmin, ymax, xmax = tf.unstack(sample.boxes, axis=1)
    mirrored = tf.stack([ymin, 1 - xmax, ymax, 1 - xmin], axis=1)
    return sample._replace(image=image, boxes=tf.where(wanted, mirrored, sample.boxes))
