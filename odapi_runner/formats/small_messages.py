"""Protobuf messages of which a few fields are read, in pools of their own: see `proto.messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

# Message: field: (number, type); a type in [] is repeated, one with a capital is a message.
Messages = Mapping[str, Mapping[str, tuple[int, str]]]


def build_messages(package: str, messages: Messages) -> dict[str, Any]:
    """The class of each message by its name."""
    pool = DescriptorPool()
    pool.AddSerializedFile(_build_file(package, messages).SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def _build_file(package: str, messages: Messages) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            bare = kind.strip("[]")
            field = message.field.add(name=field_name, number=number)
            field.label = (
                FieldDescriptorProto.LABEL_REPEATED
                if kind != bare
                else FieldDescriptorProto.LABEL_OPTIONAL
            )
            if bare in messages:
                field.type = FieldDescriptorProto.TYPE_MESSAGE
                field.type_name = f".{package}.{bare}"
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{bare.upper()}")
    return file
