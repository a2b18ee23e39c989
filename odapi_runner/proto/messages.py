"""The message classes of pipeline.config and label_map.pbtxt, built when this module is imported.

No generated code: a generated `_pb2` module refuses to run on another protobuf than the one it was
made for. The classes come from `schema.binpb`, a serialized FileDescriptorSet (see `build`), by way
of a private descriptor pool, so that `object_detection` can be imported in the same process.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from odapi_runner.proto import SCHEMA

PACKAGE = "object_detection.protos"


def _read_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(SCHEMA.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _read_pool()


def message_class(name: str) -> Any:
    """The class of a message by its full name or by its name inside the package.

    Raises:
        KeyError: there is no such message.
    """
    full_name = name if name.startswith(f"{PACKAGE}.") else f"{PACKAGE}.{name}"
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(full_name))


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is a list or a map.

    In proto2 exactly the singular fields have presence; `FieldDescriptor.is_repeated` is newer
    than the protobuf versions that TensorFlow allows, `label` is gone from the newest.
    """
    return not field.has_presence


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map, whose entries the text format writes as messages."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


TrainEvalPipelineConfig = message_class("TrainEvalPipelineConfig")
StringIntLabelMap = message_class("StringIntLabelMap")
