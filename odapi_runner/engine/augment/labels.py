"""Steps that change boxes and labels, and the one that doubles both.

Source: object_detection/core/preprocessor.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.spec import (
    DropLabel,
    JitterBoxes,
    LogitsToSoftmax,
    RemapLabels,
    SelfConcat,
)
from odapi_runner.engine.records import Sample

_SMALLEST = 1e-6  # a side; jitter is a share of it


def drop_label(sample: Sample, step: DropLabel, seed: tf.Tensor) -> Sample:
    """Drop each box of a label with a probability of its own."""
    dropped = tf.random.stateless_uniform(tf.shape(sample.classes), seed) < step.probability
    return window.keep(sample, ~dropped | (sample.classes != step.label))


def remap_labels(sample: Sample, step: RemapLabels, _seed: tf.Tensor) -> Sample:
    """Give one label for several."""
    found = tf.reduce_any(sample.classes[:, None] == tf.constant(step.original_labels), axis=1)
    return sample._replace(classes=tf.where(found, step.new_label, sample.classes))


def logits_to_softmax(sample: Sample, step: LogitsToSoftmax, _seed: tf.Tensor) -> Sample:
    """Make scores that add up to 1 of logits; the higher the temperature, the more alike."""
    return sample._replace(scores=tf.nn.softmax(sample.scores / step.temperature))


def jitter_boxes(sample: Sample, step: JitterBoxes, seed: tf.Tensor) -> Sample:
    """Move the sides of each box by shares of its size, then clip it to the image."""
    low = 0.0 if step.mode.startswith("EXPAND") else -step.ratio
    high = 0.0 if step.mode.startswith("SHRINK") else step.ratio
    ends = tf.reshape(sample.boxes, [-1, 2, 2])  # [n, min and max, y and x]
    center = tf.reduce_mean(ends, axis=1)
    half = tf.maximum(tf.abs(ends[:, 1] - ends[:, 0]), _SMALLEST) / 2
    count = tf.shape(sample.boxes)[0]
    if "SYMMETRIC" in step.mode:
        factor = 1 + tf.random.stateless_uniform([count, 2], seed, low, high)
        # A box grows no further than to the nearest side of the image.
        room = tf.abs(tf.minimum(center, 1 - center) / half)
        if step.mode.endswith("XY"):
            factor = tf.tile(factor[:, :1], [1, 2])
            room = tf.tile(tf.reduce_min(room, axis=1, keepdims=True), [1, 2])
        factor = tf.clip_by_value(factor, -room, room)
        factors = tf.stack([factor, factor], axis=1)
    else:
        factors = 1 + tf.random.stateless_uniform([count, 2, 2], seed, low, high)
    signs = tf.constant([-1.0, 1.0])[:, None]
    moved = center[:, None] + signs * half[:, None] * factors
    return sample._replace(boxes=boxes.clip(tf.reshape(moved, [-1, 4]), boxes.IDENTITY_WINDOW))


def self_concat(sample: Sample, step: SelfConcat, seed: tf.Tensor) -> Sample:
    """Put the image below itself, then beside itself, each with its probability."""
    sample = sample._replace(image=tf.ensure_shape(sample.image, [None, None, 3]))
    for axis, probability in enumerate((step.vertical_probability, step.horizontal_probability)):
        own_seed = tf.random.experimental.stateless_fold_in(seed, axis)
        sample = tf.cond(
            draws.happens(own_seed, probability),
            lambda sample=sample, axis=axis: _twice(sample, axis),
            lambda sample=sample: sample,
        )
    return sample


def _twice(sample: Sample, axis: int) -> Sample:
    here = sample.boxes * tf.constant([[0.5, 1.0], [1.0, 0.5]][axis] * 2)
    there = here + tf.constant([[0.5, 0.0], [0.0, 0.5]][axis] * 2)
    return sample._replace(
        image=tf.concat([sample.image, sample.image], axis=axis),
        boxes=tf.concat([here, there], axis=0),
        classes=tf.tile(sample.classes, [2]),
        weights=tf.tile(sample.weights, [2]),
        ignored=tf.tile(sample.ignored, [2]),
        scores=tf.tile(sample.scores, [2, 1]),
    )
