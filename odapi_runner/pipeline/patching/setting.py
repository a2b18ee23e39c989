"""What the entries of a `set` mean: changes at full paths, one by one.

- A scalar replaces the value, a list of scalars the list. A message is gone into, and what it does
  not say stays. Setting a member of a oneof replaces the one that was set.
- In a list of choices (`data_augmentation_options`) the element that holds the same member is
  replaced, else one is appended; several members in one block are an element each.
- In a list of named messages (`eval_input_reader`, `keypoint_estimation_task`) the one of that name
  is gone into, without a name the only one that fits; what is new is appended.
- Any other list of messages is replaced as a whole. A map gets the keys that are said.

Which element holds a member depends on the changes before: each change is to be applied to the
config before the next is asked for.
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
from odapi_runner.pipeline.patching.tree import Block, Entry, Note
from odapi_runner.pipeline.patching.values import notes_on_value, parse_entry
from odapi_runner.pipeline.paths import in_brackets
from odapi_runner.pipeline.selection import describe_elements
from odapi_runner.proto.messages import is_map, is_repeated, message_class


def set_entries(scope: Scope, entries: Sequence[Entry]) -> Iterator[Change | Note]:
    """The changes that set what stands in a message.

    Raises:
        ConfigError: `file:line:column:` and what does not fit the schema or the config there.
    """
    _refuse_two_members(scope, entries)
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.name, []).append(entry)
    for group in groups.values():
        named = find_name(scope, tuple(group))
        if named.note:
            yield named.note
        yield from _set_field(scope, named.field, named.entries)


def _refuse_two_members(scope: Scope, entries: Sequence[Entry]) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        field = scope.kind.fields_by_name.get(entry.name)
        if field and field.containing_oneof:
            other = first.setdefault(field.containing_oneof.name, entry)
            if other.name != entry.name:
                what = f"{other.name} and {entry.name} exclude each other"
                raise scope.error(entry.place, what, "Keep one of the two.")


def _set_field(
    scope: Scope, field: FieldDescriptor, entries: Sequence[Entry]
) -> Iterator[Change | Note]:
    path = f"{scope.path}{field.name}"
    if field.message_type is None:
        yield from _set_scalar(scope, field, entries)
    elif is_map(field):
        for entry in entries:
            yield from _set_key(scope, field, entry)
    elif not is_repeated(field):
        inside = [each for entry in entries for each in block_of(scope, entry)]
        # The member of a oneof comes first, so that a note on what it replaces has its place.
        if not inside or (field.containing_oneof and not scope.message().HasField(field.name)):
            yield Change(entries[0].place, "ensure", path)
        yield from set_entries(scope.inside(field), inside)
    elif is_choice(field.message_type):
        yield from _set_choices(scope, field, entries)
    elif naming_field(field.message_type):
        yield from _set_named(scope, field, entries)
    else:
        yield Change(entries[0].place, "set", path, [])
        for place, entry in enumerate(entries):
            yield from _set_element(scope, field, place, entry, block_of(scope, entry))


def block_of(scope: Scope, entry: Entry) -> tuple[Entry, ...]:
    """What stands in the braces after a name; nothing after a name alone.

    Raises:
        ConfigError: there is a value instead.
    """
    if entry.content is None:
        return ()
    if not isinstance(entry.content, Block):
        what = f"{entry.name} takes fields of its own, no value"
        raise scope.error(entry.place, what, f"Write {entry.name} {{ … }}.")
    return entry.content.entries


def _set_scalar(
    scope: Scope, field: FieldDescriptor, entries: Sequence[Entry]
) -> Iterator[Change | Note]:
    first = entries[0]
    path = f"{scope.path}{field.name}"
    for entry in entries:
        yield from notes_on_value(field, entry)
    values = [parse_entry(scope, field, entry) for entry in entries]
    if is_repeated(field):
        yield Change(first.place, "set", path, [each for value in values for each in value])
        return
    for entry, value in zip(entries, values, strict=True):
        if value != values[0]:
            what = f"{field.name} is set twice, to another value on line {first.place.line}"
            raise scope.error(entry.place, what, "Keep one of the two.")
    yield Change(first.place, "set", path, values[0])


def _set_key(scope: Scope, field: FieldDescriptor, entry: Entry) -> Iterator[Change | Note]:
    """One entry of a map: `{ key: … value: … }`."""
    inside = scope.inside(field)
    parts = {each.name: each for each in block_of(scope, entry)}
    for name, part in parts.items():
        if name not in inside.kind.fields_by_name:
            raise unknown_name(inside, part)
    if "key" not in parts or "value" not in parts:
        what = f"{field.name} takes a key and a value"
        raise scope.error(entry.place, what, f'As in {field.name} {{ key: "…" value: … }}')
    key = parse_entry(inside, inside.kind.fields_by_name["key"], parts["key"])
    said = inside.kind.fields_by_name["value"]
    if said.message_type is None:
        value = parse_entry(inside, said, parts["value"])
        yield Change(entry.place, "set", f"{scope.path}{field.name}{in_brackets(key)}", value)
    else:
        yield from _set_element(scope, field, key, entry, block_of(scope, parts["value"]))


def _set_choices(
    scope: Scope, field: FieldDescriptor, entries: Sequence[Entry]
) -> Iterator[Change | Note]:
    """Each member replaces the element that holds it, or is appended."""
    kind: Any = field.message_type
    set_before: dict[str, Entry] = {}
    for entry in entries:
        members = block_of(scope, entry)
        if not members:
            yield Note(entry.place, f"this {field.name} holds nothing and is left out")
        if len({member.name for member in members}) > 1:
            many = f"{len(members)} members in one {field.name}: each becomes an entry of its own"
            yield Note(entry.place, many)
        for member in members:
            if member.name not in kind.fields_by_name:
                raise unknown_name(scope.inside(field), member)
            other = set_before.setdefault(member.name, member)
            if other is not member:
                yield Note(member.place, f"{member.name} replaces that of line {other.place.line}")
            items = getattr(scope.message(), field.name)
            part = kind.fields_by_name[member.name]
            places = [place for place, item in enumerate(items) if item.HasField(part.name)]
            if len(places) > 1:
                listed = " and ".join(f"{scope.path}{field.name}[{place}]" for place in places)
                what = f"{member.name} is held by {listed}"
                raise scope.error(member.place, what, "Say which to set with -s.")
            place = places[0] if places else len(items)
            yield from _set_element(scope, field, place, member, (member,))


def _set_named(
    scope: Scope, field: FieldDescriptor, entries: Sequence[Entry]
) -> Iterator[Change | Note]:
    """Messages of a list are gone into; those without a name one after the other."""
    kind: Any = field.message_type
    naming: Any = naming_field(kind)
    items = getattr(scope.message(), field.name)
    said = {each.name for entry in entries for each in block_of(scope, entry)}
    in_order = len(entries) > 1 and naming.name not in said and len(items) <= len(entries)
    for number, entry in enumerate(entries):
        inside = block_of(scope, entry)
        if not inside:
            yield Note(entry.place, f"this {field.name} holds nothing and is left out")
            continue
        items = getattr(scope.message(), field.name)
        place = min(number, len(items)) if in_order else find_named(scope, field, entry)
        if place is None:
            what = f"{field.name} has several that this could be: {describe_elements(items, field)}"
            raise scope.error(entry.place, what, "Say which by its name, or set it with -s.")
        if place == len(items):
            yield from _set_element(scope, field, place, entry, inside)
        else:
            yield from set_entries(scope.inside(field, place), inside)


def find_named(scope: Scope, field: FieldDescriptor, entry: Entry) -> int | None:
    """The place of the message of a list that an entry is about; the next one where it is new.

    The name that it says counts; else the only one there, or the only one that holds the same
    members. None where that could be several.
    """
    kind: Any = field.message_type
    items = getattr(scope.message(), field.name)
    naming: Any = naming_field(kind)
    inside = block_of(scope, entry)
    names = [parse_entry(scope, naming, each) for each in inside if each.name == naming.name]
    if names:
        places = [place for place, item in enumerate(items) if getattr(item, naming.name) in names]
        unnamed = len(items) == 1 and not items[0].HasField(naming.name)
        return 0 if unnamed else places[0] if places else len(items)
    members = [each.name for each in inside if _is_member(kind, each.name)]
    fitting = [
        place for place, item in enumerate(items) if all(item.HasField(name) for name in members)
    ]
    if len(items) <= 1:
        return 0
    return fitting[0] if len(fitting) == 1 else None


def _is_member(kind: Any, name: str) -> bool:
    field = kind.fields_by_name.get(name)
    return field is not None and field.containing_oneof is not None


def _set_element(
    scope: Scope,
    field: FieldDescriptor,
    place: int | str,
    entry: Entry,
    inside: Sequence[Entry],
) -> Iterator[Change | Note]:
    """One element anew: what it does not say is not in it."""
    element = scope.inside(field, place)
    empty = message_class(element.kind.full_name)()
    yield Change(entry.place, "set", element.path.removesuffix("."), empty)
    yield from set_entries(element, inside)
