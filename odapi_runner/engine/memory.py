"""The memory of a step, found without making it.

A tensor lives from the op that makes it to the last one that reads it. The ops are taken in the
order in which they were traced, the forward pass before the backward one, as a device with one
stream meets them. What an op needs for itself alone, such as a convolution's scratch space, is no
tensor, and not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import tensorflow as tf

# They hand on what they are given: another name, not another tensor.
_ALIASING: Final = frozenset((
    "EnsureShape", "ExpandDims", "Identity", "IdentityN", "PreventGradient", "Reshape",
    "Snapshot", "Squeeze", "StopGradient",
))  # fmt: skip
# They write into an input of the same size that nobody else will read.
# Source: tensorflow/core/kernels, `forward_input_or_allocate_output`.
_IN_PLACE: Final = frozenset((
    "Abs", "Add", "AddN", "AddV2", "BiasAdd", "DivNoNan", "Exp", "Expm1", "Log", "Log1p",
    "Maximum", "Minimum", "Mul", "MulNoNan", "Neg", "Pow", "RealDiv", "Reciprocal", "Relu",
    "Relu6", "Relu6Grad", "ReluGrad", "Rsqrt", "Select", "SelectV2", "Sigmoid", "SigmoidGrad",
    "Sign", "Softplus", "Sqrt", "Square", "SquaredDifference", "Sub", "Tanh", "TanhGrad",
))  # fmt: skip
# A variable is read where it lies, and arguments are others' tensors.
_FREE: Final = frozenset(("Placeholder", "ReadVariableOp"))
_BACKWARD = "gradient_tape"  # where the names of the ops of a gradient begin


@dataclass(frozen=True, slots=True)
class StepMemory:
    """Bytes of a step's own tensors when it has most of them.

    Attributes:
        activations: of the forward pass.
        gradients: of the backward pass and of the update.
    """

    activations: int
    gradients: int

    @property
    def total(self) -> int:
        return self.activations + self.gradients


def step_memory(graph: Any) -> StepMemory:
    """The memory of the ops of a traced function, all of whose sizes are known.

    Args:
        graph: a `FuncGraph`; arguments and variables are not counted.
    """
    ops = _needed(graph)
    left = Counter(one.ref() for op in ops for one in op.inputs)  # readers of a tensor
    live = _Live()
    for op in ops:
        made = _buffers_of(op, live)
        for tensor, buffer in zip(op.outputs, made, strict=True):
            live.hold(tensor, buffer, left[tensor.ref()])
        live.look()
        live.release([one.ref() for one in op.inputs])
        live.release([one.ref() for one in op.outputs if not left[one.ref()]])
    return live.most


def tensor_bytes(tensors: Iterable[Any]) -> int:
    """The bytes of tensors, variables or their specs; a size that is not known counts as 1."""
    return sum(_bytes(one) for one in tensors)


@dataclass(slots=True)
class _Buffer:
    """Memory that one or more tensors lie in, and how many reads of them are to come."""

    size: int
    backward: bool
    reads: int = 0


class _Live:
    """What is in memory between two ops."""

    def __init__(self) -> None:
        self.most = StepMemory(0, 0)
        self._of: dict[Any, _Buffer] = {}
        self._sums = [0, 0]  # of the forward pass, of the backward pass

    def buffer(self, tensor: Any) -> _Buffer:
        return self._of[tensor.ref()]

    def hold(self, tensor: Any, buffer: _Buffer, reads: int) -> None:
        """Let a tensor lie in a buffer; one that nobody reads is there until the op has ended."""
        if not buffer.reads:
            self._sums[buffer.backward] += buffer.size
        buffer.reads += max(reads, 1)
        self._of[tensor.ref()] = buffer

    def look(self) -> None:
        """See whether there was never as much."""
        if sum(self._sums) > self.most.total:
            self.most = StepMemory(*self._sums)

    def release(self, references: Sequence[Any]) -> None:
        """Count a read of each of these tensors."""
        for one in references:
            buffer = self._of[one]
            buffer.reads -= 1
            if not buffer.reads:
                self._sums[buffer.backward] -= buffer.size


def _buffers_of(op: Any, live: _Live) -> list[_Buffer]:
    """Where the outputs of an op lie."""
    backward = op.name.startswith(_BACKWARD)
    if op.type in _FREE:
        return [_Buffer(0, backward) for _ in op.outputs]
    if op.type in _ALIASING:
        return [live.buffer(one) for one in op.inputs[: len(op.outputs)]]
    if op.type in _IN_PLACE:
        size = _bytes(op.outputs[0])
        reads = Counter(id(live.buffer(one)) for one in op.inputs)
        for one in op.inputs:
            buffer = live.buffer(one)
            if buffer.size == size and buffer.reads == reads[id(buffer)]:
                return [buffer]
    return [_Buffer(_bytes(one), backward) for one in op.outputs]


def _needed(graph: Any) -> list[Any]:
    """The ops that a call of a function runs, in the order in which they were traced."""
    wanted = [one.op for one in graph.outputs] + list(graph.control_outputs)
    found: set[Any] = set()
    while wanted:
        op = wanted.pop()
        if op not in found:
            found.add(op)
            wanted += [one.op for one in op.inputs] + list(op.control_inputs)
    return [op for op in graph.get_operations() if op in found]


def _bytes(tensor: Any) -> int:
    if tensor.dtype in {tf.resource, tf.variant, tf.string}:
        return 0
    elements = 1
    for size in tensor.shape if tensor.shape.rank is not None else ():
        elements *= 1 if size is None else size
    return elements * tensor.dtype.size
