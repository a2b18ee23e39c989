"""Which element of a list brackets in a path mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.scalars import parse_scalar, unquoted
from odapi_runner.proto.floats import shortest
from odapi_runner.proto.messages import is_repeated


def select_place(items: Sequence[Any], field: FieldDescriptor, chosen: str, path: str) -> int:
    """The number of the one element that is meant.

    Args:
        items: the list's elements.
        field: the list.
        chosen: what stands in the brackets: a number, which may be beyond the last element; the
            name of a field that is set in the element meant, or `name=value`; in a list of
            scalars the value, where it is not a number of a place or after a `=`.
        path: the list's, for errors.

    Raises:
        ConfigError: no element is meant, or several are.
    """
    if chosen.isascii() and chosen.isdecimal():
        return int(chosen[:10])  # beyond every list, and for int() to read
    places = matching_places(items, field, chosen, path)
    if len(places) == 1:
        return places[0]
    there = describe_elements(items, field)
    if places:
        listed = " and ".join(f"{path}[{place}]" for place in places)
        raise ConfigError(f"{path}[{chosen}]: could be {listed}", fix="Say which by its number.")
    is_member = field.message_type and "=" not in chosen
    appending = f"-s '{path}+={{ {chosen} {{}} }}'" if is_member else f"-s '{path}+=…'"
    raise ConfigError(
        f"{path}[{chosen}]: nothing of that kind is in it",
        fix=f"It has {there}; {appending} appends." if there else f"{appending} appends one.",
    )


def matching_places(
    items: Sequence[Any], field: FieldDescriptor, chosen: str, path: str
) -> list[int]:
    """The numbers of all elements that brackets could mean; see `select_place`."""
    if field.message_type is None:
        value = parse_scalar(field, f"{path}[{chosen}]", chosen.removeprefix("="))
        return [place for place, item in enumerate(items) if _same(item, value)]
    name, equals, text = chosen.partition("=")
    part = field.message_type.fields_by_name.get(name.strip())
    if part is None:
        known = [other.name for other in field.message_type.fields]
        near = did_you_mean(name.strip(), known) or describe_elements(items, field)
        raise ConfigError(
            f'{path}[{chosen}]: {field.message_type.name} has no field "{name.strip()}"',
            fix=near or "Say which element by its number, from 0.",
        )
    if not equals:
        return [place for place, item in enumerate(items) if holds(item, part)]
    if part.message_type or is_repeated(part):
        raise ConfigError(
            f"{path}[{chosen}]: {part.name} has no single value", fix=f"Write [{part.name}]."
        )
    value = parse_scalar(part, f"{path}[{chosen}]", unquoted(text))
    return [place for place, item in enumerate(items) if _same(getattr(item, part.name), value)]


def holds(message: Any, field: FieldDescriptor) -> bool:
    """Whether a field is set in a message."""
    if is_repeated(field):
        return len(getattr(message, field.name)) > 0
    return bool(message.HasField(field.name))


def describe_elements(items: Sequence[Any], field: FieldDescriptor) -> str:
    """The elements of a list by their numbers and what they hold, the first dozen."""
    most = 12
    shown = [f"[{place}] {_describe(item, field)}" for place, item in enumerate(items[:most])]
    return ", ".join([*shown, *(["…"] if len(items) > most else [])])


def _describe(item: Any, field: FieldDescriptor) -> str:
    if field.message_type is None:
        return str(shortest(item) if isinstance(item, float) else item)
    for part, value in item.ListFields():
        if part.name.endswith("name") and isinstance(value, str):
            return f"{part.name}={value}"
    return " ".join(part.name for part, _ in item.ListFields()) or "nothing"


def _same(stored: Any, value: Any) -> bool:
    """Whether a field has a value; of what is stored in 32 bits the decimal counts."""
    if isinstance(stored, float):
        return shortest(stored) == shortest(value)
    return bool(stored == value)
