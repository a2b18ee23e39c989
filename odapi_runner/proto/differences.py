"""The fields in which messages of the same kind differ, by path, with defaults resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.proto.messages import is_repeated

Value = bool | int | float | str
_Values = list[Value | None]


def differing_fields(messages: Sequence[Any]) -> dict[str, _Values]:
    """The value of each field that is not the same in all messages: one value a message.

    A field that is not set has its default. The member chosen of a `oneof` is a field of its own,
    under the oneof's name; inside a member that not all have chosen, only what is written counts.
    None stands where a message has no such field. Repeated messages of the same number are
    compared one by one (`path[0].field`), else as wholes.

    Returns:
        By path, sorted: "train_config.batch_size" -> [4, 8].
    """
    return dict(sorted(_walk(list(messages), ""))) if messages else {}


def _walk(messages: list[Any], path: str) -> Iterator[tuple[str, _Values]]:
    """The differences below `path`; None stands for a message that another one has chosen not."""
    some = next(message for message in messages if message is not None)
    for oneof in some.DESCRIPTOR.oneofs:
        chosen = [message and message.WhichOneof(oneof.name) for message in messages]
        yield from _unequal(path + oneof.name.removesuffix("_oneof"), chosen)
    for field in some.DESCRIPTOR.fields:
        place = path + field.name
        if is_repeated(field):
            yield from _walk_repeated(messages, field, place)
        elif field.message_type:
            yield from _walk_message(messages, field, place)
        else:
            yield from _unequal(place, _scalars(messages, field))


def _walk_message(
    messages: list[Any], field: FieldDescriptor, place: str
) -> Iterator[tuple[str, _Values]]:
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


def _walk_repeated(
    messages: list[Any], field: FieldDescriptor, place: str
) -> Iterator[tuple[str, _Values]]:
    lists = [None if message is None else getattr(message, field.name) for message in messages]
    known = [items for items in lists if items is not None]
    one_number = len(known) == len(lists) and len({len(items) for items in known}) == 1
    if field.message_type and not _is_map(field) and one_number:
        for number in range(len(known[0])):
            yield from _walk([items[number] for items in known], f"{place}[{number}].")
    else:
        yield from _unequal(place, [_listed(field, items) if items else None for items in lists])


def _scalars(messages: list[Any], field: FieldDescriptor) -> _Values:
    written_only = None in messages or field.containing_oneof is not None
    return [
        None
        if message is None or (written_only and not message.HasField(field.name))
        else _value(field, getattr(message, field.name))
        for message in messages
    ]


def _value(field: FieldDescriptor, value: Any) -> Value:
    if field.enum_type:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool | int | str):
        return value
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return float(str(np.float32(value)))  # as it was written: 0.08, not 0.07999999821186066
    return value if isinstance(value, float) else str(value)


def _listed(field: FieldDescriptor, items: Any) -> str:
    """A list or a map in one line."""
    if _is_map(field):
        return "; ".join(sorted(f"{key}: {value}" for key, value in items.items()))
    if field.message_type:
        texts = (text_format.MessageToString(i, as_one_line=True, as_utf8=True) for i in items)
        return "; ".join(texts)
    return "; ".join(str(_value(field, item)) for item in items)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _unequal(place: str, values: Sequence[Value | None]) -> Iterator[tuple[str, _Values]]:
    if any(value != values[0] for value in values):
        yield place, list(values)
