"""`object_detection.protos.*_pb2` from odapi's own descriptors: no protoc, no generated code.

Generated code refuses to run on another protobuf than the one it was made for (before 3.19:
"Descriptors cannot be created directly"; after: a version check), and a checkout has none at all
until somebody has called protoc.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper

_SCHEMA = Path(__file__).resolve().parents[3] / "proto" / "schema.binpb"
_PACKAGE = "object_detection.protos"
_ONE_OF_THEM = f"{_PACKAGE}.string_int_label_map_pb2"


def needed() -> bool:
    """Whether the checkout has none, or such as this protobuf refuses to import."""
    try:
        importlib.import_module(_ONE_OF_THEM)
    except _refusals():
        return True
    return False


def _refusals() -> tuple[type[Exception], ...]:
    """What generated code ends in on another protobuf than its own, by the version of that."""
    known = (ImportError, TypeError, RuntimeError, AttributeError)
    try:
        from google.protobuf.runtime_version import VersionError
    except ImportError:  # before 5.26, which do not compare
        return known
    return (*known, VersionError)


def install() -> None:
    """Have odapi's found before those of the checkout."""
    for name in [name for name in sys.modules if name.startswith(f"{_PACKAGE}.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _ProtoFinder())


class _ProtoFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the modules of the language of pipeline.config."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet.FromString(_SCHEMA.read_bytes()).file
        for file in files:
            self._pool.AddSerializedFile(file.SerializeToString())
        self._files = {f"{_PACKAGE}.{Path(file.name).stem}_pb2": file.name for file in files}

    def find_spec(self, fullname: str, *_: Any) -> Any:
        """The spec of a module that there is a description of."""
        if fullname not in self._files:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, _: Any) -> None:
        """The usual one."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Fill it with what protoc's module has."""
        file = self._pool.FindFileByName(self._files[module.__name__])
        found: dict[str, Any] = {"DESCRIPTOR": file}
        for name, message in file.message_types_by_name.items():
            found[name] = self._message_class(message)
        for name, enum in file.enum_types_by_name.items():
            found[name] = enum_type_wrapper.EnumTypeWrapper(enum)
            found.update({value.name: value.number for value in enum.values})
        vars(module).update(found)

    def _message_class(self, descriptor: Any) -> Any:
        if hasattr(message_factory, "GetMessageClass"):
            return message_factory.GetMessageClass(descriptor)
        factory: Any = message_factory.MessageFactory(self._pool)  # before protobuf 4.22
        return factory.GetPrototype(descriptor)
