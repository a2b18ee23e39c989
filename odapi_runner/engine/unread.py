"""Batches as a training has them, without a record being read."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.input import Batch
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.spec.resizer import ConditionalShape, KeepAspect, input_size
from odapi_runner.errors import ConfigError


def largest_input(spec: Spec) -> tuple[int, int]:
    """Height and width of the largest inputs that a config's resizer makes.

    Batches hold images of both orientations, padded to the largest of them.

    Raises:
        ConfigError: it is as large as the images are.
    """
    resizer = spec.model.resizer
    if fixed := input_size(resizer):
        return fixed
    if isinstance(resizer, KeepAspect):
        return resizer.max_dimension, resizer.max_dimension
    if isinstance(resizer, ConditionalShape) and resizer.shrink:
        return resizer.size, resizer.size
    raise ConfigError(
        "model.ssd.image_resizer leaves images as large as they are, so nobody knows how much "
        "memory they take",
        fix="Say how large they are, height x width, as in --image-size 1080x1920",
    )


def element_spec(spec: Spec, *, batch: int, size: tuple[int, int], boxes: int, draws: int) -> Batch:
    """The shapes of a batch.

    Args:
        spec: of the whole config.
        batch: how many images.
        size: height and width of the input.
        boxes: how many an image has.
        draws: how many uniform numbers the network needs for an image.
    """
    scored = spec.train.merge_boxes or spec.train.class_scores
    classes = [spec.model.num_classes] if scored else []
    shapes = {
        "images": ([*size, 3], tf.float32),
        "shapes_hw": ([2], tf.int32),
        "boxes": ([boxes, 4], tf.float32),
        "classes": ([boxes, *classes], tf.float32 if scored else tf.int32),
        "weights": ([boxes], tf.float32),
        "ignored": ([boxes], tf.bool),
        "uniform": ([draws], tf.float32),
    }
    return Batch(**{name: tf.TensorSpec([batch, *of], kind) for name, (of, kind) in shapes.items()})


def made_up(shapes: Batch) -> Batch:
    """A batch of noise, its boxes of some size each, in which nothing is ignored."""
    batch, boxes = shapes.boxes.shape[:2]
    height, width = shapes.images.shape[1:3]
    corners = tf.random.stateless_uniform([batch, boxes, 2], [1, 2], maxval=0.7)
    return Batch(
        images=tf.random.stateless_normal(shapes.images.shape, [3, 4]),
        shapes_hw=tf.constant([[height, width]] * batch),
        boxes=tf.concat([corners, corners + 0.2], axis=-1),
        classes=tf.zeros(shapes.classes.shape, shapes.classes.dtype),
        weights=tf.ones(shapes.weights.shape),
        ignored=tf.zeros(shapes.ignored.shape, tf.bool),
        uniform=tf.random.stateless_uniform(shapes.uniform.shape, [5, 6]),
    )
