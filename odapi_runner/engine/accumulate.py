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

    @property
    def variables(self) -> list[tf.Variable]:
        """The sums."""
        return list(self._sums)

    def add(self, pairs: Sequence[Pair], kept: tf.Tensor) -> None:
        """Add gradients to the sums.

        Args:
            pairs: of the variables, in their order.
            kept: float32 [], 0 to begin anew, whatever the sums hold, and 1 to go on.
        """
        for (gradient, _), total in zip(pairs, self._sums, strict=True):
            total.assign(tf.math.multiply_no_nan(total, kept) + gradient)

    def means(self, batches: int) -> list[Pair]:
        """The mean gradients of the variables."""
        return [
            (total / batches, variable)
            for variable, total in zip(self._variables, self._sums, strict=True)
        ]
