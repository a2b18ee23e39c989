"""The gradients of several batches, summed up for one step."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from odapi_runner.engine.gradients import Pair


class Sums:
    """One copy of the gradients, to which those of each batch are added."""

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        self._variables = list(variables)
        self._sums = [
            tf.Variable(
                tf.zeros(one.shape),
                trainable=False,
                name="gradient_sum",
                # Each replica has sums of its own.
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            for one in variables
        ]
        self._reached: set[int] = set()

    def add(self, pairs: Sequence[Pair], kept: tf.Tensor) -> None:
        """Add gradients to the sums.

        Args:
            pairs: always of the same variables.
            kept: float32 [], 0 to begin anew, whatever the sums hold, and 1 to go on.
        """
        gradients = {id(variable): gradient for gradient, variable in pairs}
        self._reached = set(gradients)
        for variable, total in zip(self._variables, self._sums, strict=True):
            if id(variable) in gradients:
                before = tf.math.multiply_no_nan(total, kept)
                total.assign(before + gradients[id(variable)])

    def means(self, batches: int) -> list[Pair]:
        """The mean gradients of the variables that were reached."""
        return [
            (total / batches, variable)
            for variable, total in zip(self._variables, self._sums, strict=True)
            if id(variable) in self._reached
        ]
