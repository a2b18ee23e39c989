"""The memory of a traced step, counted by hand in graphs of a few ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from odapi_runner.engine.memory import StepMemory, step_memory, tensor_bytes

ROW = 4000  # bytes of 1000 floats


def traced(function: Callable[..., Any]) -> Any:
    """The graph of a function of 1000 floats."""
    signature = [tf.TensorSpec([1000], tf.float32)]
    return tf.function(function, signature, autograph=False).get_concrete_function().graph


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        # The argument is somebody else's; one sum is there while the next is made from it.
        (lambda x: tf.cumsum(tf.cumsum(tf.cumsum(x))), 2),
        # Made in place, but for the first: nobody else reads what is overwritten.
        (lambda x: tf.exp(tf.exp(tf.exp(x))), 1),
        # What is still to be read is not overwritten.
        (lambda x: (y := tf.exp(x)) * tf.exp(y), 2),
        # A reshaping is another name of the same tensor, read to the last of them.
        (lambda x: tf.cumsum(tf.reshape(tf.cumsum(x), [10, 100])), 2),
        # What no result depends on is not computed.
        (lambda x: [tf.cumsum(tf.cumsum(x)), tf.exp(x)][1], 1),
    ],
)
def test_a_tensor_lives_to_its_last_reader(function: Callable[..., Any], rows: int) -> None:
    """The most that is there at once, in tensors of 4000 bytes."""
    # Each has constants of a few bytes as well.
    assert step_memory(traced(function)).total // ROW == rows


def test_activations_wait_for_the_backward_pass() -> None:
    """Three sigmoids are kept for their gradients; then each is replaced by its gradient."""
    variable = tf.Variable(tf.zeros([1000]))

    def step(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            y = tf.sigmoid(tf.sigmoid(tf.sigmoid(x + variable)))
            loss = tf.reduce_sum(y)
        return tape.gradient(loss, variable)

    found = step_memory(traced(step))

    assert found.activations // ROW == 3
    assert found.gradients // ROW == 1
    assert found.total == found.activations + found.gradients


def test_tensors_are_as_large_as_their_elements() -> None:
    """Two bytes of a half, one of a bool; none in memory of a device of a text."""
    specs = [
        tf.TensorSpec([3, 5], tf.bfloat16),
        tf.TensorSpec([7], tf.bool),
        tf.TensorSpec([2], tf.string),
    ]

    assert tensor_bytes(specs) == 30 + 7
    assert StepMemory(1, 2).total == 3
