"""Less memory for more time: what is inside of a block of the network is forgotten after it.

For the gradients a block is computed once more, from its inputs, when the gradients of its outputs
have arrived; only inputs and outputs of blocks live from the forward to the backward pass. The
second time is the first one over again: the same draws for stochastic depth and dropout, and no
second update of batch norm's moving averages.

Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import optimization_barrier

Block = Callable[[list[tf.Tensor]], list[tf.Tensor]]

_WANTED: ContextVar[bool] = ContextVar("wanted", default=False)
_COMPILED: ContextVar[bool] = ContextVar("compiled", default=False)
_AGAIN: ContextVar[bool] = ContextVar("again", default=False)


@contextmanager
def recomputing(wanted: bool, *, compiled: bool = False) -> Iterator[None]:
    """Let `run_block` inside the context forget what can be computed again.

    Args:
        wanted: whether it is to.
        compiled: whether XLA compiles what is computed inside.
    """
    tokens = _WANTED.set(wanted), _COMPILED.set(compiled)
    try:
        yield
    finally:
        _WANTED.reset(tokens[0])
        _COMPILED.reset(tokens[1])


def is_wanted() -> bool:
    """Whether blocks are to be recomputed."""
    return _WANTED.get()


def is_again() -> bool:
    """Whether a block is being computed for the second time: what it counts has been counted."""
    return _AGAIN.get()


def run_block(block: Block, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """What a block makes of its inputs; recomputed for the gradients where that is wanted.

    Args:
        block: gets the inputs as a list and gives a list. Every tensor that a gradient has to flow
            through must be among the inputs.
        inputs: of floating types.
    """
    if not is_wanted():
        return block(list(inputs))
    outside = copy_context()  # as it is here, with the draws of the batch

    def forward(*given: tf.Tensor) -> Any:
        def backward(*upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
            return outside.copy().run(_backward, block, given, upstream, variables)

        # Inside there is no block of its own to recompute: a part of it would be made three times.
        return outside.copy().run(_whole, block, given), backward

    outputs: list[tf.Tensor] = tf.custom_gradient(forward)(*inputs)
    return outputs


def _whole(block: Block, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    _WANTED.set(False)
    return block(list(inputs))


def _backward(
    block: Block,
    inputs: Sequence[tf.Tensor],
    upstream: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
) -> Any:
    """The gradients of a block's inputs, and of its variables where there are any."""
    _AGAIN.set(True)
    given = _after(upstream, inputs)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(given)
        tape.watch(variables)
        outputs = _whole(block, given)
    wanted = [*given, *variables]
    gradients = tape.gradient(outputs, wanted, output_gradients=list(upstream))
    of_inputs, of_variables = gradients[: len(given)], gradients[len(given) :]
    return (of_inputs, of_variables) if variables else of_inputs


def _after(upstream: Sequence[tf.Tensor], inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The inputs, but not before the gradients of the outputs are there.

    Otherwise the block would be computed again as soon as its inputs are there, that is at once,
    or be merged with its first computation.
    """
    if _COMPILED.get():  # XLA has no control dependencies
        passed = optimization_barrier(*inputs, *upstream)
        return list(passed[: len(inputs)])
    with tf.control_dependencies(list(upstream)):
        return [tf.identity(one) for one in inputs]
