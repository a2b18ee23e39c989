"""The messages inside a checkpoint, in a pool of their own: see `proto.messages` for why.

Only the fields that are read here. Source: tensorflow/core/protobuf/tensor_bundle.proto,
trackable_object_graph.proto; tensorflow/core/framework/tensor_shape.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

_PACKAGE = "odapi.checkpoint"

# Message: field: (number, type); a type in [] is repeated, one with a capital is a message above.
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


def _build_file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="checkpoint.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            bare = kind.strip("[]")
            field = message.field.add(name=field_name, number=number)
            field.label = (
                FieldDescriptorProto.LABEL_REPEATED
                if kind != bare
                else FieldDescriptorProto.LABEL_OPTIONAL
            )
            if bare in _MESSAGES:
                field.type = FieldDescriptorProto.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{bare}"
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{bare.upper()}")
    return file


_POOL = DescriptorPool()
_POOL.AddSerializedFile(_build_file().SerializeToString())


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


BundleHeader = _message_class("BundleHeader")
BundleEntry = _message_class("BundleEntry")
ObjectGraph = _message_class("ObjectGraph")
