"""What the entries of a `remove` mean: deletions at full paths, one by one.

What is named is left out, whatever value is said: a field; the elements of a list of choices
(`data_augmentation_options`) that hold the member; of a list of scalars the values that are said;
of any other list the elements that have what is said. A message that is named with nothing in it
goes as a whole, one with entries stays, without these. What is not there is noted, and no error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.pipeline.patching.change import Change
from odapi_runner.pipeline.patching.names import (
    Scope,
    find_name,
    is_choice,
    naming_field,
    unknown_name,
)
from odapi_runner.pipeline.patching.setting import block_of, find_named
from odapi_runner.pipeline.patching.tree import Block, Entry, Note
from odapi_runner.pipeline.patching.values import parse_entry
from odapi_runner.pipeline.paths import in_brackets
from odapi_runner.pipeline.selection import describe_elements, holds
from odapi_runner.proto.messages import is_map, is_repeated


def remove_entries(scope: Scope, entries: Sequence[Entry]) -> Iterator[Change | Note]:
    """The changes that remove what stands in a message.

    Raises:
        ConfigError: `file:line:column:` and what does not fit the schema or the config there.
    """
    for entry in entries:
        named = find_name(scope, (entry,))
        if named.note:
            yield named.note
        for each in named.entries:
            yield from _remove_field(scope, named.field, each)


def _remove_field(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    path = f"{scope.path}{field.name}"
    if not holds(scope.message(), field):
        yield Note(entry.place, f"{path} is not set, there is nothing to remove")
    elif entry.content is None or entry.content == Block(()):
        yield Change(entry.place, "delete", path)
    elif field.message_type is None:
        yield from _remove_values(scope, field, entry)
    elif is_map(field):
        yield from _remove_key(scope, field, entry)
    elif not is_repeated(field):
        yield from remove_entries(scope.inside(field), block_of(scope, entry))
    elif is_choice(field.message_type):
        yield from _remove_choices(scope, field, entry)
    elif naming_field(field.message_type):
        yield from _remove_named(scope, field, entry)
    else:
        yield from _remove_equal(scope, field, entry)


def _remove_values(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    path = f"{scope.path}{field.name}"
    value = parse_entry(scope, field, entry)
    there = getattr(scope.message(), field.name)
    if not is_repeated(field):
        if value != there:
            yield Note(entry.place, f"{path} was another one than is said: removed all the same")
        yield Change(entry.place, "delete", path)
        return
    for each in value:
        items = list(getattr(scope.message(), field.name))
        if each in items:
            yield Change(entry.place, "delete", f"{path}[{items.index(each)}]")
        else:
            yield Note(entry.place, f"{path} has no {each}, there is nothing to remove")


def _remove_key(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    inside = scope.inside(field)
    keys = [each for each in block_of(scope, entry) if each.name == "key"]
    if not keys:
        raise scope.error(entry.place, f"{field.name} takes a key", 'As in { key: "…" }')
    key = parse_entry(inside, inside.kind.fields_by_name["key"], keys[0])
    path = f"{scope.path}{field.name}{in_brackets(key)}"
    if key in getattr(scope.message(), field.name):
        yield Change(entry.place, "delete", path)
    else:
        yield Note(entry.place, f"{path} is not set, there is nothing to remove")


def _remove_choices(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    kind: Any = field.message_type
    path = f"{scope.path}{field.name}"
    for member in block_of(scope, entry):
        if member.name not in kind.fields_by_name:
            raise unknown_name(scope.inside(field), member)
        items = getattr(scope.message(), field.name)
        places = [place for place, item in enumerate(items) if item.HasField(member.name)]
        if not places:
            yield Note(member.place, f"{path} has no {member.name}, there is nothing to remove")
        for place in reversed(places):
            yield Change(member.place, "delete", f"{path}[{place}]")


def _remove_named(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    kind: Any = field.message_type
    naming: Any = naming_field(kind)
    items = getattr(scope.message(), field.name)
    place = find_named(scope, field, entry)
    if place is None:
        what = f"{field.name} has several that this could be: {describe_elements(items, field)}"
        raise scope.error(entry.place, what, "Say which by its name, or remove it with -d.")
    path = f"{scope.path}{field.name}"
    rest = [each for each in block_of(scope, entry) if each.name != naming.name]
    if place == len(items):
        yield Note(entry.place, f"{path} has none of that name, there is nothing to remove")
    elif rest:
        yield from remove_entries(scope.inside(field, place), rest)
    else:
        yield Change(entry.place, "delete", f"{path}[{place}]")


def _remove_equal(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    inside = scope.inside(field)
    said: dict[str, Any] = {}
    for each in block_of(scope, entry):
        part = inside.kind.fields_by_name.get(each.name)
        if part is None:
            raise unknown_name(inside, each)
        said[each.name] = parse_entry(inside, part, each)
    items = getattr(scope.message(), field.name)
    path = f"{scope.path}{field.name}"
    places = [
        place
        for place, item in enumerate(items)
        if all(getattr(item, name) == value for name, value in said.items())
    ]
    if not places:
        yield Note(entry.place, f"{path} has none like this, there is nothing to remove")
    for place in reversed(places):
        yield Change(entry.place, "delete", f"{path}[{place}]")
