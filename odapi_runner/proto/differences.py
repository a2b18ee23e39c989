"""The fields in which messages of the same kind differ, by path, with defaults resolved."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.proto.alignment import all_same, element_label, held_member, pair_elements
from odapi_runner.proto.floats import shortest
from odapi_runner.proto.messages import is_map, is_repeated

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]  # a list is a tuple

_PLAIN = re.compile(r"[\w=-]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, and what it is in each of the messages."""

    path: str
    values: tuple[Value | None, ...]  # None: no such field there
    defaults: tuple[bool, ...]  # which of them are not written, but what the schema says


def find_differences(messages: Sequence[Any]) -> list[Difference]:
    """The fields that are not the same in all messages of a kind, in the order of the schema.

    A field that is not set has its default. The member chosen of a `oneof` is a field of its own,
    under the oneof's name; inside a member that not all have chosen, only what is written counts.

    Elements of repeated messages are matched by what they hold (`alignment.pair_elements`), and
    named by it: `data_augmentation_options[random_crop_image].random_crop_image.min_area`,
    `eval_input_reader[name=val].shuffle`; by their number where that is not enough. An element
    that only some have is one field. A changed order of them is a difference of the list itself.
    """
    return list(_walk(list(messages), "")) if messages else []


def differing_fields(messages: Sequence[Any]) -> dict[str, list[Scalar | None]]:
    """The values of each field that is not the same in all messages, by path, sorted.

    As `find_differences`, in plain values: "train_config.batch_size" -> [4, 8]; the elements of a
    list are joined by "; ".
    """
    found = {
        each.path: [joined(value) for value in each.values] for each in find_differences(messages)
    }
    return dict(sorted(found.items()))


def joined(value: Value | None) -> Scalar | None:
    """A value in one cell."""
    return "; ".join(map(str, value)) if isinstance(value, tuple) else value


def _walk(messages: list[Any], path: str) -> Iterator[Difference]:
    """The differences below `path`; None stands for a message that another one has chosen not."""
    if None not in messages and all_same(messages):
        return  # most of a thousand configs is alike
    some = next(message for message in messages if message is not None)
    for oneof in some.DESCRIPTOR.oneofs:
        chosen = [message and message.WhichOneof(oneof.name) for message in messages]
        yield from _unequal(path + oneof.name.removesuffix("_oneof"), chosen)
    for field in some.DESCRIPTOR.fields:
        place = path + field.name
        if is_map(field):
            yield from _walk_map(messages, field, place)
        elif is_repeated(field):
            yield from _walk_list(messages, field, place)
        elif field.message_type:
            yield from _walk_message(messages, field, place)
        else:
            yield from _walk_scalar(messages, field, place)


def _walk_scalar(messages: list[Any], field: FieldDescriptor, place: str) -> Iterator[Difference]:
    written_only = None in messages or field.containing_oneof is not None
    values: list[Value | None] = []
    defaults = []
    for message in messages:
        written = message is not None and message.HasField(field.name)
        there = written or not (message is None or written_only)
        values.append(plain_value(field, getattr(message, field.name)) if there else None)
        defaults.append(there and not written)
    yield from _unequal(place, values, defaults)


def _walk_message(messages: list[Any], field: FieldDescriptor, place: str) -> Iterator[Difference]:
    present = [message is not None and message.HasField(field.name) for message in messages]
    if not any(present):
        return
    if field.containing_oneof or None in messages:
        parts = [
            getattr(message, field.name) if has else None
            for message, has in zip(messages, present, strict=True)
        ]
    else:
        parts = [getattr(message, field.name) for message in messages]
    found = list(_walk(parts, f"{place}."))
    if not found and not field.containing_oneof:
        # Written without a field that is off its default, and still a setting: `quantization {}`.
        found = list(_unequal(place, ["set" if has else None for has in present]))
    yield from found


def _walk_map(messages: list[Any], field: FieldDescriptor, place: str) -> Iterator[Difference]:
    assert field.message_type is not None
    kind = field.message_type.fields_by_name["value"]
    maps = [{} if message is None else getattr(message, field.name) for message in messages]
    for key in sorted({key for items in maps for key in items}):
        parts = [items.get(key) for items in maps]
        yield from _walk_part(parts, kind, f"{place}[{key}]")


def _walk_list(messages: list[Any], field: FieldDescriptor, place: str) -> Iterator[Difference]:
    lists = [[] if message is None else list(getattr(message, field.name)) for message in messages]
    if field.message_type is None:
        values = [tuple(plain_value(field, item) for item in items) or None for items in lists]
        yield from _unequal(place, values)
        return
    if all(len(items) == len(lists[0]) for items in lists) and all(
        all_same(elements) for elements in zip(*lists, strict=True)
    ):
        return
    slots = _align(lists)
    names = _name_slots(lists, slots)
    shared = [number for number, slot in enumerate(slots) if None not in slot]
    orders = [
        sorted(shared, key=lambda number: slots[number][which] or 0) for which in range(len(lists))
    ]
    yield from _unequal(place, [tuple(names[number] for number in order) for order in orders])
    for name, slot in zip(names, slots, strict=True):
        parts = [None if n is None else items[n] for n, items in zip(slot, lists, strict=True)]
        yield from _walk_part(parts, field, f"{place}[{name}]")


def _walk_part(parts: list[Any], kind: FieldDescriptor, place: str) -> Iterator[Difference]:
    """An element of a list or a map, of which None stands where it is not there."""
    if kind.message_type and None not in parts:
        yield from _walk(parts, f"{place}.")
    else:
        spell = _content if kind.message_type else partial(plain_value, kind)
        yield from _unequal(place, [None if part is None else spell(part) for part in parts])


def _align(lists: Sequence[Sequence[Any]]) -> list[list[int | None]]:
    """For each element that any list has, its place in each of the lists."""
    slots: list[tuple[Any, list[int | None]]] = []  # with an element of each
    for which, items in enumerate(lists):
        known, slots = slots, []
        for old, new in pair_elements([element for element, _ in known], items):
            element, places = (None, [None] * which) if old is None else known[old]
            slots.append((element if new is None else items[new], [*places, new]))
    return [places for _, places in slots]


def _name_slots(lists: Sequence[Sequence[Any]], slots: Sequence[Sequence[int | None]]) -> list[str]:
    """What to call each element: by what it holds where only it does, else by its number."""
    labels = []
    for slot in slots:
        there = [items[n] for n, items in zip(slot, lists, strict=True) if n is not None]
        labels.append({element_label(element) for element in there})
    times = Counter(label for found in labels for label in found)
    names = []
    for number, found in enumerate(labels):
        label = next(iter(found)) if len(found) == 1 else None
        plain = label is not None and times[label] == 1 and _PLAIN.fullmatch(label)
        names.append(str(label) if plain else str(number))
    return names


def _content(element: Any) -> str:
    """A message in one line, without the name of what it consists of."""
    member = held_member(element)
    inside = getattr(element, member) if member else element
    return text_format.MessageToString(inside, as_one_line=True, as_utf8=True) or "set"


def plain_value(field: FieldDescriptor, value: Any) -> Scalar:
    """The value of a field that holds no message: an enum's name, a float's shortest decimal."""
    if field.enum_type:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, float):
        return shortest(value) if math.isfinite(value) else str(value)
    return value if isinstance(value, bool | int | str) else str(value)


def _unequal(
    place: str, values: Sequence[Value | None], defaults: Sequence[bool] = ()
) -> Iterator[Difference]:
    if any(value != values[0] for value in values):
        yield Difference(place, tuple(values), tuple(defaults) or (False,) * len(values))
