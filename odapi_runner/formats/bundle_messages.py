"""The messages inside a checkpoint: only the fields that are read here.

Source: tensorflow/core/protobuf/tensor_bundle.proto,
trackable_object_graph.proto; tensorflow/core/framework/tensor_shape.proto.
"""

from __future__ import annotations

from odapi_runner.formats.small_messages import build_messages

_MESSAGES = {
    "BundleHeader": {"num_shards": (1, "int32"), "endianness": (2, "int32")},
    "Dim": {"size": (1, "int64")},
    "Shape": {"dim": (2, "[Dim]"), "unknown_rank": (3, "bool")},
    "Slice": {},
    "BundleEntry": {
        "dtype": (1, "int32"),
        "shape": (2, "Shape"),
        "shard_id": (3, "int32"),
        "offset": (4, "int64"),
        "size": (5, "int64"),
        "crc32c": (6, "fixed32"),
        "slices": (7, "[Slice]"),
    },
    "Child": {"node_id": (1, "int32"), "local_name": (2, "string")},
    "Value": {"name": (1, "string"), "checkpoint_key": (3, "string")},
    "Slot": {
        "original_variable_node_id": (1, "int32"),
        "slot_name": (2, "string"),
        "slot_variable_node_id": (3, "int32"),
    },
    "Node": {"children": (1, "[Child]"), "attributes": (2, "[Value]"), "slots": (3, "[Slot]")},
    "ObjectGraph": {"nodes": (1, "[Node]")},
}


_CLASSES = build_messages("odapi.checkpoint", _MESSAGES)
BundleHeader = _CLASSES["BundleHeader"]
BundleEntry = _CLASSES["BundleEntry"]
ObjectGraph = _CLASSES["ObjectGraph"]
