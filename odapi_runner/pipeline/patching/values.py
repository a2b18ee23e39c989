"""The values in a patch as those of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.patching.names import Scope
from odapi_runner.pipeline.patching.tree import Block, Entry, Note, Part, Value
from odapi_runner.proto.messages import message_class
from odapi_runner.proto.text import parse_message


def parse_entry(scope: Scope, field: FieldDescriptor, entry: Entry) -> Any:
    """The value that an entry gives to a field that is no message; of a list a list.

    Raises:
        ConfigError: the entry has no value, or one of another kind.
    """
    if isinstance(entry.content, Block):
        raise scope.error(entry.place, f"{field.name} has no fields of its own", "Write a value.")
    if entry.content is None:
        raise scope.error(entry.place, f"{field.name} has no value", f"As in {field.name}: …")
    value = entry.content
    text = ", ".join(_as_field_has_it(field, part) for part in value.parts)
    text = f"[{text}]" if value.listed else text
    kind: Any = field.containing_type
    parsed = message_class(kind.full_name)()
    try:
        parse_message(f"{field.name}: {text}", scope.where, parsed)
    except ConfigError:
        # Once more for an error that says where in the patch it is.
        parsed.Clear()
        parse_message(_at_its_place(f"{field.name}:", text, value), scope.where, parsed)
    return getattr(parsed, field.name)


def notes_on_value(field: FieldDescriptor, entry: Entry) -> Iterator[Note]:
    """What is to be said of how a value is written."""
    if not isinstance(entry.content, Value):
        return
    for part in entry.content.parts:
        if _as_field_has_it(field, part) != part.text:
            read = "with quotes" if not part.quoted else "without quotes"
            yield Note(entry.content.place, f"{part.text} is read {read}")


def _as_field_has_it(field: FieldDescriptor, part: Part) -> str:
    """A value as google.protobuf reads it: texts in quotes, names of an enum's values without."""
    if field.type == FieldDescriptor.TYPE_STRING and not part.quoted:
        escaped = part.text.replace("\\", "\\\\")
        return f'"{escaped}"'
    if field.enum_type and part.quoted and part.text[1:-1] in field.enum_type.values_by_name:
        return part.text[1:-1]
    return part.text


def _at_its_place(name: str, text: str, value: Value) -> str:
    """A field whose value stands where it does in the patch, for errors to say so."""
    line, column = value.place.line, value.place.column
    if len(name) < column:
        return "\n" * (line - 1) + name.ljust(column - 1) + text
    return "\n" * (line - 2) + f"{name}\n" + " " * (column - 1) + text
