"""A backbone cut into its blocks, so that each can be recomputed by itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from odapi_runner.engine.recompute import is_wanted, run_block

# What the names of a block's layers have in common, in EfficientNet, ResNet, MobileNet V1 and V2.
_BLOCK = re.compile(
    r"stack_\d+/block_\d+|conv\d_block\d+|conv_[dp]w_(?P<v1>\d+)|block_\d+|expanded_conv"
)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbouring nodes of a functional model.

    A node is the call of one layer. A tensor is known by the id of Keras' symbol of it.
    """

    nodes: tuple[Any, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]  # what later segments need, and the model gives

    def run(self, training: bool | None, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        """Call the layers one after the other."""
        values = dict(zip(self.inputs, inputs, strict=True))
        for node in self.nodes:
            call = (node.call_args, node.call_kwargs)
            args, kwargs = tf.nest.map_structure(lambda one: values.get(id(one), one), call)
            if "training" in inspect.signature(node.layer.call).parameters:
                kwargs = {**kwargs, "training": training}
            values[id(node.outputs)] = node.layer(*args, **kwargs)
        return [values[output] for output in self.outputs]


class Segmented:
    """A functional Keras model, called whole or, where recomputing is wanted, block by block.

    It is no Keras object itself, so that a checkpoint does not see it.

    Attributes:
        model: the whole.
        segments: its blocks in order, what is before, between and behind them included.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.segments = _cut(model)

    def __call__(self, images: tf.Tensor, *, training: bool | None) -> list[tf.Tensor]:
        """Images [batch, height, width, 3] to the model's maps."""
        if not is_wanted():
            maps: list[tf.Tensor] = self.model(images, training=training)
            return maps
        values = {id(self.model.inputs[0]): images}
        for segment in self.segments:
            given = [values[one] for one in segment.inputs]
            made = run_block(partial(segment.run, training), given)
            values |= zip(segment.outputs, made, strict=True)
        return [values[id(output)] for output in self.model.outputs]


def _cut(model: Any) -> list[_Segment]:
    groups: list[list[Any]] = []
    last = None
    for node in _nodes_in_order(model.outputs):
        block = _block_of(node.layer.name)
        if not groups or block != last:
            groups.append([])
        groups[-1].append(node)
        last = block
    needed = [{id(one) for node in group for one in node.keras_inputs} for group in groups]
    needed.append({id(output) for output in model.outputs})
    segments = []
    for place, group in enumerate(groups):
        made = dict.fromkeys(id(node.outputs) for node in group)
        given = dict.fromkeys(id(one) for node in group for one in node.keras_inputs)
        later = set().union(*needed[place + 1 :])
        inputs = tuple(one for one in given if one not in made)
        outputs = tuple(one for one in made if one in later)
        segments.append(_Segment(tuple(group), inputs, outputs))
    return segments


def _nodes_in_order(outputs: Sequence[Any]) -> list[Any]:
    """The calls that lead to symbolic tensors, each behind those that it needs, inputs left out."""
    found: dict[int, Any] = {}
    waiting = [output.node for output in reversed(outputs)]
    while waiting:
        node = waiting[-1]
        missing = [
            parent
            for parent in node.parent_nodes
            if not parent.is_input and id(parent) not in found
        ]
        if missing:
            waiting += reversed(missing)
        else:
            found[id(node)] = waiting.pop()
    return list(found.values())


def _block_of(name: str) -> str:
    found = _BLOCK.match(name)
    return (found["v1"] or found[0]) if found else ""
