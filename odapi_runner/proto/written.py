"""All that one message says, as a flat list of fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from odapi_runner.proto.alignment import element_label, held_member
from odapi_runner.proto.differences import Value, plain_value
from odapi_runner.proto.messages import is_map, is_repeated


def written_fields(message: Any) -> dict[str, Value]:
    """The value of each field that is written, by its path, in the order of the schema.

    Elements of a list are named by what they hold where only one does, else by their number, as in
    `differences`. A message that is written and holds nothing is "set":
    `train_config.data_augmentation_options[random_horizontal_flip]`.
    """
    return dict(_walk(message, ""))


def _walk(message: Any, here: str) -> Iterator[tuple[str, Value]]:
    for field, value in message.ListFields():
        place = here + field.name
        if is_map(field):
            kind = field.message_type.fields_by_name["value"]
            for key in sorted(value):
                yield from _part(kind, value[key], f"{place}[{key}]")
        elif is_repeated(field) and field.message_type:
            for name, element in zip(_names(value), value, strict=True):
                member = held_member(element)
                inside = getattr(element, member) if member else element
                between = f".{member}" if member and inside.ListFields() else ""
                yield from _message(inside, f"{place}[{name}]{between}")
        elif is_repeated(field):
            yield place, tuple(plain_value(field, item) for item in value)
        else:
            yield from _part(field, value, place)


def _part(field: Any, value: Any, place: str) -> Iterator[tuple[str, Value]]:
    if field.message_type:
        yield from _message(value, place)
    else:
        yield place, plain_value(field, value)


def _message(message: Any, place: str) -> Iterator[tuple[str, Value]]:
    found = list(_walk(message, f"{place}."))
    yield from found or [(place, "set")]


def _names(elements: Sequence[Any]) -> list[str]:
    labels = [element_label(element) for element in elements]
    times = Counter(labels)
    return [
        label if label is not None and times[label] == 1 else str(number)
        for number, label in enumerate(labels)
    ]
