"""The names in a patch, looked up in the schema where they stand, or where they were meant to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.patching.tree import Block, Entry, Note, Place, Value
from odapi_runner.pipeline.paths import (
    in_brackets,
    is_set,
    nearest_paths,
    parse_path,
    schema_paths,
)
from odapi_runner.proto.messages import is_map, is_repeated


@dataclass(frozen=True, slots=True)
class Scope:
    """A message of the config, that need not be there yet."""

    config: Any  # the whole of it
    where: str  # the file of the patch
    kind: Descriptor
    path: str = ""  # of the message; empty, or with a dot at its end
    steps: tuple[tuple[str, int | str | None], ...] = ()  # field and place, from the config on

    def message(self) -> Any:
        """The message as it is now."""
        found = self.config
        for name, place in self.steps:
            found = getattr(found, name) if place is None else getattr(found, name)[place]
        return found

    def inside(self, field: FieldDescriptor, place: int | str | None = None) -> Scope:
        """The message in a field of this one, in one place of a list, or under a key of a map."""
        kind: Any = field.message_type
        if is_map(field) and place is not None:
            kind = kind.fields_by_name["value"].message_type
        brackets = "" if place is None else in_brackets(place)
        path = f"{self.path}{field.name}{brackets}."
        return replace(self, kind=kind, path=path, steps=(*self.steps, (field.name, place)))

    def error(self, place: Place, what: str, fix: str) -> ConfigError:
        """An error at a place of the patch."""
        return ConfigError(f"{self.where}:{place}: {what}", fix=fix)


@dataclass(frozen=True, slots=True)
class Named:
    """Entries of one name, and the field of a message that they change."""

    field: FieldDescriptor
    entries: tuple[Entry, ...]
    note: Note | None = None  # what had to be understood


def find_name(scope: Scope, entries: tuple[Entry, ...]) -> Named:
    """The field that entries of one name are about; without their parents they are put into them.

    A name that the message has not is looked for in all that can stand below it: where only one
    path fits what the entries hold, or only one of them leads through what is set, that is meant.

    Raises:
        ConfigError: there is no such field, or there are several; the nearest ones are named.
    """
    first = entries[0]
    name, fields = first.name, scope.kind.fields_by_name
    if name in fields:
        return Named(fields[name], entries)
    if name.lower() in fields:
        note = Note(first.place, f"{name} is read as {name.lower()}")
        return Named(fields[name.lower()], entries, note)
    found = _paths_to(scope, entries)
    if not found:
        raise unknown_name(scope, first)
    if len(found) > 1:
        places = " or ".join(f"{scope.path}{path}" for path in found[:4])
        what = f"{name} could be {places}"
        raise scope.error(first.place, what, "Write it inside the one that is meant.")
    *parents, _ = found[0].split(".")
    for parent in reversed(parents):
        entries = (Entry(parent, first.place, Block(entries)),)
    note = Note(first.place, f"{name} is taken as {scope.path}{found[0]}")
    return Named(fields[parents[0]], entries, note)


def unknown_name(scope: Scope, entry: Entry) -> ConfigError:
    """The error of a name that is no field: it may belong elsewhere, or be mistyped."""
    name, fields = entry.name, scope.kind.fields_by_name
    elsewhere = any(path.endswith(f".{name}") for path in schema_paths(scope.config.DESCRIPTOR))
    near = "" if elsewhere else did_you_mean(name, fields)
    if not near:
        paths = nearest_paths(scope.config, parse_path(f"{scope.path}{name}"))
        near = f"Did you mean {' or '.join(paths)}?" if paths else ""
    return scope.error(
        entry.place,
        f'{scope.kind.name} has no field "{name}"',
        near or f"Its fields: {', '.join(sorted(fields)) or 'none'}.",
    )


def _paths_to(scope: Scope, entries: tuple[Entry, ...]) -> list[str]:
    """The paths from a message to the fields that entries without their parents could mean."""
    named = [path for path in schema_paths(scope.kind) if path.endswith(f".{entries[0].name}")]
    fields = {path: _field_at(scope.kind, path) for path in named}
    of_kind = [path for path in named if all(_takes(fields[path], entry) for entry in entries)]
    knowing = [path for path in of_kind if all(_knows(fields[path], entry) for entry in entries)]
    fitting = knowing or of_kind
    message = scope.message()
    there = [path for path in fitting if is_set(message, path.split(".")[:-1])]
    return there or fitting


def _field_at(kind: Descriptor, path: str) -> FieldDescriptor:
    *parents, last = path.split(".")
    inside: Any = kind
    for name in parents:
        inside = inside.fields_by_name[name].message_type
    return inside.fields_by_name[last]  # type: ignore[no-any-return]


def _takes(field: FieldDescriptor, entry: Entry) -> bool:
    """Whether a field is of the kind that an entry gives it: a message or a value."""
    if isinstance(entry.content, Value):
        return field.message_type is None
    return entry.content is None or field.message_type is not None


def _knows(field: FieldDescriptor, entry: Entry) -> bool:
    """Whether a message has all the fields that an entry names in it."""
    if not isinstance(entry.content, Block) or field.message_type is None:
        return True
    return all(each.name in field.message_type.fields_by_name for each in entry.content.entries)


def is_choice(kind: Descriptor) -> bool:
    """Whether a message is one of several: all its fields are members of one oneof."""
    return len(kind.oneofs) == 1 and len(kind.oneofs[0].fields) == len(kind.fields)


def naming_field(kind: Descriptor) -> FieldDescriptor | None:
    """The field that names a message of a list, where it has one."""
    fields = kind.fields_by_name
    found = (fields.get(name) for name in ("name", "task_name"))
    return next((field for field in found if field and not is_repeated(field)), None)
