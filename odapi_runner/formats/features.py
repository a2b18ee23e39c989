"""The features of a tf.train.Example by key, without TensorFlow.

The six messages of tf.train.Example are described here and live in a pool of their own, so that
TensorFlow's can be imported beside them.

An image is nearly all of its record. So values of many bytes are not parsed but found: they are
parts of the record's own bytes, and only the rest goes through the parser, which would copy them.

Source: tensorflow/core/example/{example,feature}.proto (the messages); the encoding of protocol
buffers, https://protobuf.dev/programming-guides/encoding/ (where a value begins and ends).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError, Message

from odapi_runner.errors import DataError

_FIX = "Write the records again (odapi data convert --help), or remove the file."

_LARGE: Final = 8192  # bytes from which a value is worth more than the search for it

# Tags of fields that have a length: 1 (`features`, an entry, its key, a list, a value) and 2.
_FIRST: Final = 0x0A
_SECOND: Final = 0x12


@dataclass(frozen=True, slots=True)
class Features:
    """Reads features by key and says which one is not as it should be."""

    _small: Mapping[str, Any]  # messages
    _large: Mapping[str, memoryview]  # features of one value each
    where: str  # names the record

    def kind(self, key: str) -> str | None:
        """`bytes_list`, `float_list` or `int64_list`; None where the key is absent."""
        feature = self._small.get(key)
        if feature is None:
            return "bytes_list" if key in self._large else None
        kind: str | None = feature.WhichOneof("kind")
        return kind

    def has(self, key: str) -> bool:
        """Whether the feature is there and holds a value, of whatever kind."""
        kind = self.kind(key)
        return kind is not None and len(self.values(kind, key)) > 0

    def values(self, kind: str, key: str) -> Sequence[Any]:
        """The values of a feature; none where it is absent.

        Raises:
            DataError: it is of another kind.
        """
        feature = self._small.get(key)
        if feature is not None and feature.WhichOneof("kind") == kind:
            # A list of its own is read much faster than the container of the message.
            values: list[Any] = getattr(feature, kind).value[:]
            return values
        held = self.kind(key)
        if held not in (None, kind):
            self.refuse(f"{key} is a {held}, expected a {kind}")
        return (self._large[key],) if held else ()

    def per_box(self, kind: str, key: str, boxes: int) -> Sequence[Any]:
        """One number a box; zeros where the feature is absent."""
        values = self.values(kind, key)
        if not values:
            return [0] * boxes
        self.same_length(key, len(values), boxes)
        return values

    def one(self, kind: str, key: str, otherwise: Any) -> Any:
        """The only value of a feature, or `otherwise` where it is absent."""
        values = self.values(kind, key)
        if len(values) > 1:
            self.refuse(f"{key} holds {len(values)} values, not 1")
        return values[0] if values else otherwise

    def text(self, raw: bytes | memoryview) -> str:
        try:
            return bytes(raw).decode()
        except UnicodeDecodeError:
            self.refuse(f"a text is not UTF-8: {bytes(raw[:80])!r}")

    def same_length(self, key: str, count: int, boxes: int) -> None:
        if count != boxes:
            self.refuse(f"{key} holds {count} values for {boxes} boxes")

    def refuse(self, what: str) -> NoReturn:
        """Raises: DataError about this record."""
        raise DataError(f"{self.where}: {what}", fix=_FIX)


def build_message() -> Any:
    """A tf.train.Example without features."""
    return _Example()


def parse_features(data: bytes, where: str = "record") -> Features:
    """The features of a serialized tf.train.Example; `where` names it in errors.

    Raises:
        DataError: `data` is no tf.train.Example.
    """
    try:
        small, large = _parse_in_place(memoryview(data))
    except (ValueError, DecodeError):
        # Nobody's serializer writes it like this. What it is, the parser of the whole decides.
        try:
            small, large = _Example.FromString(data).features.feature, {}
        except DecodeError as error:
            raise DataError(f"{where}: not a tf.train.Example", fix=_FIX) from error
    return Features(small, large, where)


def _parse_in_place(data: memoryview) -> tuple[Mapping[str, Any], dict[str, memoryview]]:
    """The small features parsed, the large ones found.

    Raises:
        ValueError: the bytes are not one `features`, or an entry or key is not as usual.
        DecodeError: the small features are none.
    """
    features, end = _delimited(data, 0, _FIRST)
    if end != len(data):
        raise ValueError("more than one field")
    rest, large, start, parsed = [], {}, 0, 0  # entries up to `parsed` are in `rest` or found
    while start < len(features):
        tag, size = features[start : start + 2]
        if tag == _FIRST and size < 0x80:  # most entries are short, and so are their lengths
            start += 2 + size
            continue
        entry, end = _delimited(features, start, _FIRST)
        found = _find_value(entry) if len(entry) > _LARGE else None
        if found:
            large[found[0]] = found[1]
            rest.append(features[parsed:start])
            parsed = end
        start = end
    rest.append(features[parsed:])
    small = _Features.FromString(b"".join(rest)).feature
    # Of a key that is there twice the last one counts, and their order is lost here.
    if any(key in small for key in large):
        raise ValueError("a key twice")
    return small, large


def _find_value(entry: memoryview) -> tuple[str, memoryview] | None:
    """Key and value of an entry of the map; None where it is no bytes_list of one value."""
    try:
        key, start = _delimited(entry, 0, _FIRST)
        value = entry[start:]
        for tag in (_SECOND, _FIRST, _FIRST):  # the Feature, its bytes_list, the value
            content, end = _delimited(value, 0, tag)
            if end != len(value):
                return None
            value = content
        return bytes(key).decode(), value
    except ValueError:
        return None


def _delimited(data: memoryview, start: int, tag: int) -> tuple[memoryview, int]:
    """The content of a field that has a length, and where the next field begins.

    Raises:
        ValueError: there is no such field, or it does not end within the data.
    """
    head = bytes(data[start : start + 11])  # a length has ten bytes at most
    if not head or head[0] != tag:
        raise ValueError("another field")
    length = 0
    for place, byte in enumerate(head[1:]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            begin = start + place + 2
            if begin + length > len(data):
                break
            return data[begin : begin + length], begin + length
    raise ValueError("no end")


# As protoc would describe example.proto and feature.proto; proto3 packs repeated numbers.
_DESCRIPTION = """
name: "odapi/example.proto" package: "tensorflow" syntax: "proto3"
message_type {
  name: "BytesList" field { name: "value" number: 1 type: TYPE_BYTES label: LABEL_REPEATED }
}
message_type {
  name: "FloatList" field { name: "value" number: 1 type: TYPE_FLOAT label: LABEL_REPEATED }
}
message_type {
  name: "Int64List" field { name: "value" number: 1 type: TYPE_INT64 label: LABEL_REPEATED }
}
message_type {
  name: "Feature"
  oneof_decl { name: "kind" }
  field { name: "bytes_list" number: 1 type_name: ".tensorflow.BytesList" oneof_index: 0 }
  field { name: "float_list" number: 2 type_name: ".tensorflow.FloatList" oneof_index: 0 }
  field { name: "int64_list" number: 3 type_name: ".tensorflow.Int64List" oneof_index: 0 }
}
message_type {
  name: "Features"
  field {
    name: "feature" number: 1 label: LABEL_REPEATED type_name: ".tensorflow.Features.FeatureEntry"
  }
  nested_type {
    name: "FeatureEntry"
    options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type_name: ".tensorflow.Feature" }
  }
}
message_type {
  name: "Example" field { name: "features" number: 1 type_name: ".tensorflow.Features" }
}
"""


def _message_classes(*names: str) -> tuple[type[Message], ...]:
    file = text_format.Parse(_DESCRIPTION, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return tuple(
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tensorflow.{name}"))
        for name in names
    )


_Example: Any
_Features: Any
_Example, _Features = _message_classes("Example", "Features")
