"""Random numbers, each a function of a seed: int64 [2]."""

from __future__ import annotations

import tensorflow as tf


def split(seed: tf.Tensor, count: int) -> list[tf.Tensor]:
    """As many independent seeds."""
    return tf.unstack(tf.random.split(seed, count))


def happens(seed: tf.Tensor, probability: float | tf.Tensor) -> tf.Tensor:
    """A bool that is true with this probability: at 0 never, at 1 always."""
    return tf.random.stateless_uniform([], seed) < probability


def number(seed: tf.Tensor, low: float | tf.Tensor, high: float | tf.Tensor) -> tf.Tensor:
    """A float32 of low..high."""
    return tf.random.stateless_uniform([], seed, low, high)


def integer(seed: tf.Tensor, low: int | tf.Tensor, high: int | tf.Tensor) -> tf.Tensor:
    """An int32 of low..high without high; low where that leaves none."""
    low = tf.convert_to_tensor(low, tf.int32)
    return tf.random.stateless_uniform([], seed, low, tf.maximum(high, low + 1), tf.int32)
