"""Networks of a few numbers, for what does not ask which network it is."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.keras import Model, layers


class SmallDetector(Model):
    """A convolution, batch norm and a dense layer; the loss of `small_pairs` is no loss."""

    def __init__(self, units: int = 2) -> None:
        super().__init__(name="small")
        self.first = layers.Conv2D(3, 1, name="Conv1")
        self.norm = layers.BatchNormalization(name="Conv1_bn")
        self.top = layers.Dense(units, name="top")
        self.top(self.norm(self.first(tf.zeros([1, 4, 4, 3]))))

    def reached_variables(self, *, regularized: bool) -> list[tf.Variable]:
        return self.trainable_variables


def small_pairs(detector: Model) -> list[tuple[tf.Tensor, tf.Variable]]:
    """A gradient of 1 for everything that can be trained."""
    return [(tf.ones_like(one), one) for one in detector.trainable_variables]
