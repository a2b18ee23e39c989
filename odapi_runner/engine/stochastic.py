"""Dropping whole examples from a residual branch, or features, by numbers of the examples.

Keras' Dropout draws from a state of its own, so a resumed run would draw other numbers than an
uninterrupted one. Here each example brings its own uniform numbers from the input pipeline, drawn
from (seed, example number): they are handed over with `draws` around the call of the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import layers

_DRAWS: ContextVar[tf.Tensor | None] = ContextVar("draws", default=None)


@contextmanager
def draws(uniform: tf.Tensor | None) -> Iterator[None]:
    """Let the layers inside the block use `uniform`: float32 [batch, layers], 0 <= u < 1.

    With None, or without a single column, nothing is dropped, in training too.
    """
    token = _DRAWS.set(uniform)
    try:
        yield
    finally:
        _DRAWS.reset(token)


class DropExamples(layers.Layer):
    """In training, sets examples to 0 with probability `rate` and scales the others up.

    Source: Huang et al., Deep Networks with Stochastic Depth; as the Dropout of
    `noise_shape=(None, 1, 1, 1)` in official.legacy's EfficientNet.
    """

    def __init__(self, rate: float, place: int, **options: Any) -> None:
        super().__init__(**options)
        self._rate = rate
        self._place = place

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`inputs` [batch, height, width, channels]; the same shape comes back."""
        uniform = _DRAWS.get()
        if not training or uniform is None or uniform.shape[1] == 0:
            return inputs
        kept = tf.cast(uniform[:, self._place] >= self._rate, inputs.dtype) / (1 - self._rate)
        return inputs * kept[:, None, None, None]


class DropFeatures(layers.Layer):
    """Dropout: in training, sets features to 0 with probability `rate` and scales the others up.

    All layers of a network look at the last of an example's draws; `salt` keeps them apart.
    """

    def __init__(self, rate: float, salt: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._rate = rate
        self._salt = salt

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`inputs` [batch, height, width, channels]; the same shape comes back."""
        uniform = _DRAWS.get()
        if not training or uniform is None or uniform.shape[1] == 0:
            return inputs
        drawn = tf.reduce_sum(tf.bitcast(uniform[:, -1], tf.int32))
        # A head with shared weights is called once for each level, and their heights differ.
        seed = tf.stack([drawn, 1024 * self._salt + tf.shape(inputs)[1]])
        kept = tf.random.stateless_uniform(tf.shape(inputs), seed) >= self._rate
        return tf.where(kept, inputs / (1 - self._rate), 0.0)
