"""Our variables and those of a checkpoint: which belongs to which, and whether they are alike.

A key is the first path to a variable, breadth first in the order of the attributes; TensorFlow
itself follows the edges of the graph that a checkpoint stores. Both is done here without loading
anything, so that what does not fit is said by name.

Source: tensorflow/core/protobuf/trackable_object_graph.proto; tensorflow/python/checkpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.checkpoint_index import (
    SLOT,
    CheckpointIndex,
    check_shards,
    read_index,
    read_tensor,
)
from odapi_runner.formats.object_graph import ROOT, ObjectGraph, read_graph


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint on the disk: what is in it, and the graph of its objects."""

    path: str
    index: CheckpointIndex
    graph: ObjectGraph


def read_stored(path: str) -> Stored:
    """Read index and graph of the checkpoint with the prefix `path`.

    Raises:
        CheckpointError: it cannot be read, is damaged, cut short, or of TF1.
    """
    index = read_index(Path(path))
    check_shards(index)
    return Stored(path, index, read_graph(index))


def variable_keys(root: Any) -> dict[str, tf.Variable]:
    """The variables below a trackable by their checkpoint keys (without `VALUE`), slots aside."""
    return {path: node for path, node in _walk(root) if isinstance(node, tf.Variable)}


def match_variables(root: Any, graph: ObjectGraph) -> dict[int, int]:
    """What TensorFlow would restore each variable below a trackable from.

    Returns:
        The number of an object in the file's graph by the `id` of a variable of ours; those that
        no path leads to in both are not in it.
    """
    matched: dict[int, int] = {}
    # The objects are kept: some are made on the way, and another could get the id of a freed one.
    seen = {id(root): root}
    queue: deque[tuple[Any, int]] = deque([(root, ROOT)])
    while queue:
        ours, theirs = queue.popleft()
        if isinstance(ours, tf.Variable):
            matched[id(ours)] = theirs
        edges = graph.children(theirs)
        for name, child in tf.train.TrackableView.children(ours).items():
            if name in edges and id(child) not in seen:
                seen[id(child)] = child
                queue.append((child, edges[name]))
    return matched


def compare_kinds(
    stored: Stored, wanted: Mapping[str, tf.Variable], keys: Mapping[str, str], fix: str
) -> None:
    """See that each variable is in a checkpoint, with its shape and type.

    Args:
        stored: the checkpoint.
        wanted: the variables by our keys.
        keys: the file's key of each that is in it, by ours.
        fix: what to do where it does not fit.

    Raises:
        CheckpointError: it lacks a variable, or has it in another shape or type; all are named.
    """
    tensors = stored.index.tensors
    missing = sorted(key for key in wanted if keys.get(key) not in tensors)
    if missing:
        raise CheckpointError(
            f"{stored.path}: {len(missing)} of {len(wanted)} variables are not in it: "
            f"{_some(missing)}",
            fix=fix,
        )
    unlike = sorted(
        f"{key} is {list(tensors[keys[key]].shape)} there, {variable.shape.as_list()} here"
        for key, variable in wanted.items()
        if list(tensors[keys[key]].shape) != variable.shape.as_list()
    )
    if unlike:
        raise CheckpointError(
            f"{stored.path}: {len(unlike)} variables have another shape: {_some(unlike)}", fix=fix
        )
    other = sorted(
        f"{key} is {tensors[keys[key]].dtype} there, {variable.dtype.name} here"
        for key, variable in wanted.items()
        if tensors[keys[key]].dtype != variable.dtype.name
    )
    if other:
        raise CheckpointError(
            f"{stored.path}: {len(other)} variables have another type: {_some(other)}",
            fix="Take a checkpoint of full precision.",
        )


def compare_values(
    stored: Stored, wanted: Mapping[str, tf.Variable], keys: Mapping[str, str]
) -> tuple[str, ...]:
    """See that one variable of each layer has the file's value now, bit by bit.

    The largest one, for small ones are the most likely to be alike by chance; among equals the
    last by name, which of a batch norm is the variance. Slots of a layer count as a layer.

    Args:
        stored: the checkpoint that was restored.
        wanted: the variables that it was restored to, by our keys.
        keys: the file's keys by ours.

    Returns:
        The keys of those that were compared, ascending.

    Raises:
        CheckpointError: one has another value, or cannot be read.
    """
    layers: dict[tuple[str, str], str] = {}
    for key in sorted(wanted, key=lambda key: (wanted[key].shape.num_elements(), key)):
        name, _, slot = key.partition(SLOT)
        layers[name.rpartition("/")[0], slot] = key
    compared = tuple(sorted(layers.values()))
    for key in compared:
        if not np.array_equal(wanted[key].numpy(), read_tensor(stored.index, keys[key])):
            raise CheckpointError(
                f"{stored.path}: {key} has not the value of the file after it was restored",
                fix="Report this, with the .index file: nothing was trained with it.",
            )
    return compared


def _walk(root: Any) -> Iterable[tuple[str, Any]]:
    """Each object below a trackable once, breadth first, with the first path to it."""
    seen = {id(root): root}
    queue: deque[tuple[str, Any]] = deque([("", root)])
    while queue:
        path, node = queue.popleft()
        yield path, node
        for name, child in tf.train.TrackableView.children(node).items():
            if id(child) not in seen:
                seen[id(child)] = child
                queue.append((f"{path}/{name}" if path else name, child))


def _some(items: list[str], most: int = 3) -> str:
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + rest
