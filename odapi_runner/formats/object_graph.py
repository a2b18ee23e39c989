"""The graph of a checkpoint's objects: from the root along named edges to its variables.

TensorFlow restores by these edges. A key is only the first path to a variable, breadth first; the
others exist in the graph alone.

Source: tensorflow/core/protobuf/trackable_object_graph.proto.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from odapi_runner.errors import CheckpointError
from odapi_runner.formats import bundle_messages
from odapi_runner.formats.checkpoint_index import GRAPH, CheckpointIndex, read_string

_VARIABLE = "VARIABLE_VALUE"
ROOT = 0


@dataclass(frozen=True, slots=True)
class ObjectGraph:
    """Objects by number, the root first; each has children by name and, a variable, its value."""

    nodes: Any  # of an ObjectGraph message

    def children(self, node: int) -> dict[str, int]:
        """The edges that leave an object, in their order."""
        return {child.local_name: child.node_id for child in self.nodes[node].children}

    def find(self, *names: str) -> int | None:
        """The object at the end of a path from the root; None where the path breaks off."""
        node: int | None = ROOT
        for name in names:
            node = None if node is None else self.children(node).get(name)
        return node

    def key(self, node: int) -> str | None:
        """The key of a variable's value; None for an object that is no variable."""
        values = (value for value in self.nodes[node].attributes if value.name == _VARIABLE)
        return next((value.checkpoint_key for value in values), None)

    def variables(self, node: int = ROOT) -> dict[str, str]:
        """The variables below an object: the first path to each, and its key."""
        found: dict[str, str] = {}
        seen = {node}
        queue = deque([("", node)])
        while queue:
            path, current = queue.popleft()
            if (key := self.key(current)) is not None:
                found[path] = key
            for name, child in self.children(current).items():
                if child not in seen:
                    seen.add(child)
                    queue.append((f"{path}/{name}" if path else name, child))
        return found

    def slots(self) -> set[str]:
        """The names of the optimizer's values by variable: momentum, average, …."""
        return {slot.slot_name for node in self.nodes for slot in node.slots}

    def slots_of(self, optimizer: int | None) -> dict[int, dict[str, int]]:
        """The slots of one optimizer: of each variable, by its number, the objects by name."""
        found: dict[int, dict[str, int]] = {}
        for slot in () if optimizer is None else self.nodes[optimizer].slots:
            own = found.setdefault(slot.original_variable_node_id, {})
            own[slot.slot_name] = slot.slot_variable_node_id
        return found


def read_graph(index: CheckpointIndex) -> ObjectGraph:
    """Read the graph from a checkpoint's data file.

    Raises:
        CheckpointError: there is none (see `CheckpointIndex.is_object_based`), its data file
            cannot be read, or it is damaged.
    """
    if not index.is_object_based:
        what = f"{index.prefix}: holds no object graph, so it is of TF1"
        raise CheckpointError(what, fix="Take a checkpoint that TF2 saved.")
    try:
        nodes = bundle_messages.ObjectGraph.FromString(read_string(index, GRAPH)).nodes
        ends = {child.node_id for node in nodes for child in node.children}
        slots = [slot for node in nodes for slot in node.slots]
        ends |= {slot.original_variable_node_id for slot in slots}
        ends |= {slot.slot_variable_node_id for slot in slots}
        if not nodes or not all(0 <= end < len(nodes) for end in ends):
            raise ValueError("its edges lead nowhere")
    except (DecodeError, ValueError) as error:
        what = f"{index.shard(0)}: its object graph is damaged ({error})"
        raise CheckpointError(what, fix="Unpack or copy the checkpoint again.") from error
    return ObjectGraph(nodes)
