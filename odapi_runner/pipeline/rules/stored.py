"""What lies behind `fine_tune_checkpoint`: read once, looked at by several rules."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from odapi_runner.formats.checkpoint_index import (
    CheckpointIndex,
    TensorEntry,
    check_shards,
    index_file,
    read_index,
    read_step,
)
from odapi_runner.formats.object_graph import ObjectGraph, read_graph

_LAYER = re.compile(r"layer_with_weights-(\d+)")
_KERNELS = ("kernel", "depthwise_kernel")


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint whose files are whole."""

    index: CheckpointIndex
    graph: ObjectGraph | None  # None: saved by names, as TF1 does
    step: int | None  # None: no training saved it
    slots: frozenset[str]  # names of the optimizer's values by variable: momentum, average, …

    def find(self, *names: str) -> int | None:
        """The object at the end of a path from the root; None where the path breaks off."""
        return None if self.graph is None else self.graph.find(*names)

    def children(self, *names: str) -> tuple[str, ...]:
        """The names below an object; empty where there is none."""
        node = self.find(*names)
        return () if self.graph is None or node is None else tuple(self.graph.children(node))

    def variables(self, *names: str) -> dict[str, TensorEntry]:
        """The variables below an object by the first path to each; empty where there is none."""
        node = self.find(*names)
        if self.graph is None or node is None:
            return {}
        found = self.graph.variables(node).items()
        return {path: self.index.tensors[key] for path, key in found if key in self.index.tensors}

    def kernels(self, *names: str) -> tuple[tuple[int, ...], ...]:
        """The shapes of the convolutions of a Keras model, in the order of its layers."""
        node = self.find(*names)
        if self.graph is None or node is None:
            return ()
        below = self.graph.children(node).items()
        layers = sorted(
            (int(found[1]), child) for name, child in below if (found := _LAYER.fullmatch(name))
        )
        weights = (self.graph.children(layer) for _, layer in layers)
        nodes = (own[name] for own in weights for name in _KERNELS if name in own)
        keys = (self.graph.key(kernel) for kernel in nodes)
        entries = (self.index.tensors.get(key or "") for key in keys)
        return tuple(entry.shape for entry in entries if entry and len(entry.shape) == 4)

    def kernels_below(self, *names: str) -> dict[str, tuple[int, ...]]:
        """The shapes of all convolutions below an object, by path; depthwise halves left out."""
        return {
            path: entry.shape
            for path, entry in self.variables(*names).items()
            if path.endswith(("/kernel", "/pointwise_kernel")) and len(entry.shape) == 4
        }


def read_stored(prefix: Path) -> Stored | None:
    """Read what a checkpoint holds; of its data only the graph of objects and the step.

    Returns:
        None where there is no checkpoint of that prefix.

    Raises:
        CheckpointError: a file of it cannot be read, is cut short or damaged.
    """
    try:
        stat = index_file(prefix).stat()
    except (OSError, ValueError):  # no such file, or no name that a file can have
        return None
    # A thousand configs that begin with the same checkpoint read it once.
    return _read_stored(prefix, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=8)
def _read_stored(prefix: Path, _modified: int, _size: int) -> Stored:
    index = read_index(prefix)
    check_shards(index)
    graph = read_graph(index) if index.is_object_based else None
    slots = frozenset(graph.slots() if graph else ())
    return Stored(index, graph, read_step(index), slots)
