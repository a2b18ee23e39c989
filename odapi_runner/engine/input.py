"""Batches for training and evaluation.

Source of what becomes of an image and its boxes: object_detection/inputs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.preprocess import normalization, normalize, resize
from odapi_runner.engine.records import Records, Sample
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.errors import DataError


class Batch(NamedTuple):
    """A batch as the network takes it; G is the longest list of boxes in it."""

    images: tf.Tensor  # float32 [batch, height, width, 3], normalised and padded
    shapes_hw: tf.Tensor  # int32 [batch, 2], the image inside the padded input
    boxes: tf.Tensor  # float32 [batch, G, 4], in units of the padded input's sides
    classes: tf.Tensor  # int32 [batch, G], from 0
    weights: tf.Tensor  # float32 [batch, G]; 0 on padding
    ignored: tf.Tensor  # bool [batch, G]
    uniform: tf.Tensor  # float32 [batch, draws], for stochastic depth; no columns in evaluation


class Source:
    """Feeds records to a tf.data pipeline, and remembers what went wrong in there."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._fault: DataError | None = None

    def load(self, record: int) -> Sample:
        """One record's sample, for `tf.numpy_function`."""
        try:
            return self.records.sample(int(record))
        except DataError as error:
            self._fault = error
            raise

    def explain(self, error: tf.errors.OpError, candidates: list[int]) -> DataError:
        """The DataError behind what a pipeline raised.

        Args:
            error: raised by the iterator.
            candidates: the records that were being read: their images are decoded again, one by
                one, since TensorFlow does not say which could not be.

        Raises:
            tf.errors.OpError: `error` itself, where it is no fault of the data.
        """
        if self._fault is not None:
            return self._fault
        for record in candidates:
            try:
                _decode(self.records.sample(record).image)
            except tf.errors.InvalidArgumentError:
                return DataError(
                    f"{self.records.where(record)}: its image cannot be decoded",
                    fix="Replace or remove that image, then convert the dataset again.",
                )
        raise error


def training_batches(
    spec: Spec, source: Source, *, seed: int, draws: int, first_step: int, last_step: int
) -> tf.data.Dataset:
    """The batches of the steps after `first_step`, up to `last_step`; each a `Batch`."""
    size = spec.train.batch_size
    examples = tf.data.Dataset.range(first_step * size, last_step * size)

    def make(example: tf.Tensor) -> Batch:
        record = tf.numpy_function(source.records.order.record, [example], tf.int64)
        own_seed = tf.stack([tf.constant(seed, tf.int64), example])
        sample = augment(_load(source, record), spec.train.augmentations, own_seed)
        # The place after the last augmentation is the network's own.
        drawn = tf.random.experimental.stateless_fold_in(own_seed, len(spec.train.augmentations))
        uniform = tf.random.stateless_uniform([draws], drawn)
        return _element(spec, sample, spec.train_input.max_boxes, uniform)

    # Examples come in whole batches, so their number can be a constant of the graph.
    return _batched(examples, make, size, drop_remainder=True)


def evaluation_batches(spec: Spec, source: Source, records: np.ndarray) -> tf.data.Dataset:
    """The given records once, in their order, in batches of the config's size."""

    def make(record: tf.Tensor) -> Batch:
        sample = _load(source, record)
        return _element(spec, sample, spec.eval_input.max_boxes, tf.zeros([0]))

    examples = tf.data.Dataset.from_tensor_slices(records.astype(np.int64))
    return _batched(examples, make, spec.evaluation.batch_size)


def _batched(
    examples: tf.data.Dataset,
    make: Callable[[tf.Tensor], Batch],
    size: int,
    *,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    make = tf.autograph.experimental.do_not_convert(make)
    made = examples.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    options = tf.data.Options()
    options.experimental_warm_start = True  # begin with the iterator, not with its first batch
    batched = made.padded_batch(size, drop_remainder=drop_remainder).prefetch(2)
    return batched.with_options(options)


def _load(source: Source, record: tf.Tensor) -> Sample:
    types = (tf.string, tf.float32, tf.int32, tf.float32, tf.bool)
    image, boxes, classes, weights, ignored = tf.numpy_function(source.load, [record], types)
    return Sample(
        image=_decode(image),
        boxes=tf.ensure_shape(boxes, [None, 4]),
        classes=tf.ensure_shape(classes, [None]),
        weights=tf.ensure_shape(weights, [None]),
        ignored=tf.ensure_shape(ignored, [None]),
    )


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    """JPEG or PNG to uint8 [height, width, 3]; grey and transparent images become RGB."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def _element(spec: Spec, sample: Sample, max_boxes: int, uniform: tf.Tensor) -> Batch:
    """One example as the network takes it, before batching."""
    image = normalize(tf.cast(sample.image, tf.float32), normalization(spec.model.backbone))
    image, shape_hw = resize(image, spec.model.resizer)
    scale = tf.cast(shape_hw, tf.float32) / tf.cast(tf.shape(image)[:2], tf.float32)
    return Batch(
        images=image,
        shapes_hw=shape_hw,
        boxes=(sample.boxes * tf.tile(scale, [2]))[:max_boxes],
        classes=sample.classes[:max_boxes],
        weights=sample.weights[:max_boxes],
        ignored=sample.ignored[:max_boxes],
        uniform=uniform,
    )
