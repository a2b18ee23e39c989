"""Batches for training and evaluation.

Source of what becomes of an image and its boxes: object_detection/inputs.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.preprocess import normalization, resize
from odapi_runner.engine.records import Records, Sample
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.errors import DataError

_MOST_CALLS = 32  # images that are made at a time, at most one a core

# Of a `Sample` with its image decoded.
_TYPES = (tf.uint8, tf.float32, tf.int32, tf.float32, tf.bool, tf.float32)


class Batch(NamedTuple):
    """A batch as the network takes it; G is the longest list of boxes in it."""

    images: tf.Tensor  # float32 [batch, height, width, 3], normalised and padded
    shapes_hw: tf.Tensor  # int32 [batch, 2], the image inside the padded input
    boxes: tf.Tensor  # float32 [batch, G, 4], in units of the padded input's sides
    # int32 [batch, G], from 0; or float32 [batch, G, classes], how much each box is of each class,
    # where the config has scores for targets, or merges boxes
    classes: tf.Tensor
    weights: tf.Tensor  # float32 [batch, G]; 0 on padding
    ignored: tf.Tensor  # bool [batch, G]
    uniform: tf.Tensor  # float32 [batch, draws], for stochastic depth; no columns in evaluation


class Share(NamedTuple):
    """The part of each batch that this process reads: `size` images from the `first` on."""

    first: int
    size: int


def training_batches(
    spec: Spec,
    source: Source,
    *,
    seed: int,
    draws: int,
    first_step: int,
    last_step: int,
    share: Share | None = None,
) -> tf.data.Dataset:
    """The batches of the steps after `first_step`, up to `last_step`; each a `Batch`.

    Of each batch only the images of `share` are read, where that is given.

    Raises:
        DataError: the label map has classes that the model has not.
    """
    _check_classes(spec, source.records)
    batch_size = spec.train.batch_size
    first, size = share or Share(0, batch_size)
    places = tf.data.Dataset.range(first_step * size, last_step * size)

    def make(place: tf.Tensor) -> Batch:
        example = place // size * batch_size + first + place % size
        values = tf.numpy_function(source.training_sample, [example], _TYPES)
        own_seed = tf.stack([tf.constant(seed, tf.int64), example])
        sample = _shaped(*values, score_classes=spec.train_input.score_classes)
        sample = augment(sample, spec.train.augmentations, own_seed)
        # The place after the last augmentation is the network's own.
        drawn = tf.random.experimental.stateless_fold_in(own_seed, len(spec.train.augmentations))
        uniform = tf.random.stateless_uniform([draws], drawn)
        batch = _element(spec, sample, uniform)
        if spec.train.merge_boxes:
            batch = merge_boxes(batch, spec.model.num_classes)
        elif spec.train.class_scores:
            batch = batch._replace(classes=sample.scores)
        return _cut(batch, spec.train_input.max_boxes)

    # Examples come in whole batches, so their number can be a constant of the graph.
    return _batched(_mapped(places, make), size, drop_remainder=True)


def evaluation_batches(spec: Spec, source: Source, records: np.ndarray) -> tf.data.Dataset:
    """The given records once, in their order, in batches of the config's size.

    Those whose image cannot be decoded are not among them.

    Raises:
        DataError: the label map has classes that the model has not.
    """
    _check_classes(spec, source.records)

    def make(record: tf.Tensor) -> tuple[tf.Tensor, Batch]:
        decoded, *values = tf.numpy_function(source.evaluation_sample, [record], (tf.bool, *_TYPES))
        batch = _element(spec, _shaped(*values), tf.zeros([0]))
        return decoded, _cut(batch, spec.eval_input.max_boxes)

    examples = tf.data.Dataset.from_tensor_slices(records.astype(np.int64))
    made = _mapped(examples, make).filter(lambda decoded, _: tf.ensure_shape(decoded, []))
    return _batched(made.map(lambda _, element: element), spec.evaluation.batch_size)


def _check_classes(spec: Spec, records: Records) -> None:
    """A box of a class beyond the model's would be background, of which nobody would know."""
    largest = max(records.label_map.ids())
    if largest > spec.model.num_classes:
        raise DataError(
            f"{records.spec.label_map}: an id is {largest}, and num_classes is "
            f"{spec.model.num_classes}",
            fix=f"-s num_classes={largest}, or another label map.",
        )


def _mapped(examples: tf.data.Dataset, make: Callable[[tf.Tensor], Any]) -> tf.data.Dataset:
    make = tf.autograph.experimental.do_not_convert(make)
    cores = len(os.sched_getaffinity(0))
    return examples.map(make, num_parallel_calls=min(cores, _MOST_CALLS), deterministic=True)


def _batched(
    elements: tf.data.Dataset, size: int, *, drop_remainder: bool = False
) -> tf.data.Dataset:
    options = tf.data.Options()
    # Its thread sleeps 10 ms, 20, 40 … up to a minute, and who ends an iterator waits for it.
    options.autotune.enabled = False
    options.experimental_warm_start = True  # begin with the iterator, not with its first batch
    batched = elements.padded_batch(size, drop_remainder=drop_remainder).prefetch(2)
    return batched.with_options(options)


def _shaped(*values: tf.Tensor, score_classes: int = 0) -> Sample:
    shapes = ([None, None, 3], [None, 4], [None], [None], [None], [None, score_classes])
    return Sample(
        *(tf.ensure_shape(value, shape) for value, shape in zip(values, shapes, strict=True))
    )


def _element(spec: Spec, sample: Sample, uniform: tf.Tensor) -> Batch:
    """One example as the network takes it, before batching."""
    by = normalization(spec.model.backbone)
    image, shape_hw = resize(sample.image, spec.model.resizer, by)
    scale = tf.cast(shape_hw, tf.float32) / tf.cast(tf.shape(image)[:2], tf.float32)
    return Batch(
        images=image,
        shapes_hw=shape_hw,
        boxes=sample.boxes * tf.tile(scale, [2]),
        classes=sample.classes,
        weights=sample.weights,
        ignored=sample.ignored,
        uniform=uniform,
    )


def merge_boxes(example: Batch, num_classes: int) -> Batch:
    """An example in which boxes of the same place are one: the first, of the classes of all.

    Places are the same where they are to 1 / 9999 of the image. Weight and flag are the first
    box's. (The Object Detection API leaves the weights of all boxes where they were, so that they
    are those of other boxes.)

    Source: object_detection/utils/ops.py, `merge_boxes_with_multiple_labels`.
    """
    steps = tf.cast(example.boxes * 9999, tf.int64)
    places = tf.reduce_sum(steps * [1, 10**4, 10**8, 10**12], axis=1)
    distinct, of_box = tf.unique(places)
    count = tf.size(distinct)
    first = tf.math.unsorted_segment_min(tf.range(tf.size(of_box)), of_box, count)
    classes = tf.one_hot(example.classes, num_classes)
    return example._replace(
        boxes=tf.gather(example.boxes, first),
        classes=tf.math.unsorted_segment_max(classes, of_box, count),
        weights=tf.gather(example.weights, first),
        ignored=tf.gather(example.ignored, first),
    )


def _cut(example: Batch, max_boxes: int) -> Batch:
    """An example with the first of its boxes."""
    return example._replace(
        boxes=example.boxes[:max_boxes],
        classes=example.classes[:max_boxes],
        weights=example.weights[:max_boxes],
        ignored=example.ignored[:max_boxes],
    )
