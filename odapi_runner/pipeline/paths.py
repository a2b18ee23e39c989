"""Setting and deleting single fields of a message by their path.

A path is field names joined by dots, with a place in brackets after a list:
`train_config.data_augmentation_options[1].random_scale_crop_and_pad_to_square.scale_min`.
The place after the last element appends one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from odapi_runner.errors import ConfigError, nearest
from odapi_runner.pipeline.scalars import parse_scalar, unquoted
from odapi_runner.proto.messages import is_repeated, message_class
from odapi_runner.proto.text import parse_message

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def with_path_set(message: Any, path: str, value: str) -> Any:
    """A copy of `message` in which the field at `path` has a value.

    Args:
        message: any message of the language; messages on the way to the field are created.
        path: see above.
        value: an enum's value by name; true or false; numbers and strings as they are, quotes
            allowed; of a list `a,b` or `[a, b]`, which replaces it; of a message
            `{ field: value … }`, which replaces it: `{}` is the empty message.

    Raises:
        ConfigError: no such path, a value of the wrong kind, or another member of the oneof is set.
    """
    changed = _copy(message)
    parent, field, place = _find(changed, path)
    if is_repeated(field):
        _set_in_list(parent, field, place, path, value)
    elif place is not None:
        raise ConfigError(f"{path}: {field.name} is no list", fix="Leave out the brackets.")
    elif field.message_type:
        getattr(parent, field.name).CopyFrom(_parse_message(field.message_type, path, value))
    else:
        setattr(parent, field.name, parse_scalar(field, path, value))
    return changed


def with_path_deleted(message: Any, path: str) -> Any:
    """A copy of `message` without the field at `path`, or without that element of a list.

    Raises:
        ConfigError: no such path, or nothing is set there.
    """
    changed = _copy(message)
    parent, field, place = _find(changed, path)
    if field.name not in {there.name for there, _ in parent.ListFields()}:
        raise ConfigError(f"{path}: not set, there is nothing to delete", fix="Leave out this -d.")
    if place is None:
        parent.ClearField(field.name)
    elif not is_repeated(field) or place >= len(getattr(parent, field.name)):
        raise _no_such_place(parent, field, path)
    else:
        del getattr(parent, field.name)[place]
    return changed


def _copy(message: Any) -> Any:
    changed = type(message)()
    changed.CopyFrom(message)
    return changed


def _find(message: Any, path: str) -> tuple[Any, FieldDescriptor, int | None]:
    """The message that holds the field at `path`, the field, and the place in its list."""
    parent, here = message, ""
    *way, last = path.split(".")
    for step in way:
        field, place = _step(message, parent, here, path, step)
        here += step
        parent = _enter(parent, field, place, here)
        here += "."
    return parent, *_step(message, parent, here, path, last)


def _step(
    message: Any, parent: Any, here: str, path: str, step: str
) -> tuple[FieldDescriptor, int | None]:
    """The field of `parent` that a step of a path names, and the place in its list."""
    found = _STEP.fullmatch(step)
    if not found:
        raise ConfigError(f'{path}: "{step}" is no field', fix="Write a name, or name[0].")
    field = parent.DESCRIPTOR.fields_by_name.get(found[1])
    if field is None:
        raise _unknown(message, parent, here, path, found[1])
    if field.message_type and field.message_type.GetOptions().map_entry:
        raise ConfigError(f"{path}: {here}{step} is a map", fix="Edit it in the file itself.")
    chosen = field.containing_oneof and parent.WhichOneof(field.containing_oneof.name)
    if chosen and chosen != field.name:
        # Setting the other member would silently clear this one.
        raise ConfigError(
            f"{path}: {field.name} excludes {here}{chosen}, which is set",
            fix=f"Delete that as well: -d {here}{chosen}",
        )
    return field, int(found[2]) if found[2] else None


def _enter(parent: Any, field: FieldDescriptor, place: int | None, here: str) -> Any:
    """The message in a field, or in one place of a list; made where it is the next one."""
    if field.message_type is None:
        raise ConfigError(f"{here}: has no fields of its own", fix=f"Set {here} itself.")
    child = getattr(parent, field.name)
    if not is_repeated(field):
        child.SetInParent()
        return child
    if place is None:
        raise ConfigError(f"{here}: is a list of {len(child)}", fix=f"Write {here}[0].")
    if place > len(child):
        raise _no_such_place(parent, field, here)
    return child.add() if place == len(child) else child[place]


def _set_in_list(
    parent: Any, field: FieldDescriptor, place: int | None, path: str, value: str
) -> None:
    items = getattr(parent, field.name)
    if place is None and field.message_type:
        raise ConfigError(f"{path}: is a list of {len(items)}", fix=f"Write {path}[0].")
    if place is None:
        listed = value.strip().removeprefix("[").removesuffix("]").split(",")
        new = [parse_scalar(field, path, text.strip()) for text in listed if text.strip()]
        del items[:]
        items.extend(new)
    elif place > len(items):
        raise _no_such_place(parent, field, path)
    elif field.message_type:
        message = _parse_message(field.message_type, path, value)
        (items.add() if place == len(items) else items[place]).CopyFrom(message)
    else:
        items[place : place + 1] = [parse_scalar(field, path, value)]


def _parse_message(kind: Descriptor, path: str, value: str) -> Any:
    text = unquoted(value).strip()
    if not (text.startswith("{") and text.endswith("}")):
        known = ", ".join(sorted(sub.name for sub in kind.fields)) or "none"
        raise ConfigError(
            f"{path}: takes fields of its own, no value",
            fix=f"Set one of them ({known}), or write {{}}.",
        )
    return parse_message(text[1:-1], path, message_class(kind.full_name)())


def _no_such_place(parent: Any, field: FieldDescriptor, path: str) -> ConfigError:
    if not is_repeated(field):
        return ConfigError(f"{path}: {field.name} is no list", fix="Leave out the brackets.")
    count = len(getattr(parent, field.name))
    return ConfigError(
        f"{path}: {field.name} has {count} elements",
        fix=f"They are numbered from 0; -s with [{count}] appends one.",
    )


def _unknown(message: Any, parent: Any, here: str, path: str, name: str) -> ConfigError:
    """The error of a mistyped path, with the nearest real ones."""
    known = sorted(field.name for field in parent.DESCRIPTOR.fields)
    rest = path[len(here) + len(name) :]
    near = [f"{here}{other}{rest}" for other in nearest(name, known, most=1)]
    if not near:
        last = path.rpartition(".")[2].partition("[")[0]
        paths = list(_field_paths(message))
        names = nearest(last, {other.rpartition(".")[2] for other in paths}, most=1)
        near = [other for other in paths if other.rpartition(".")[2] in names][:3]
    fix = f"Did you mean {' or '.join(near)}?" if near else f"Its fields: {', '.join(known)}."
    return ConfigError(f'{path}: {parent.DESCRIPTOR.name} has no field "{name}"', fix=fix)


def _field_paths(message: Any, here: str = "") -> Iterator[str]:
    """The path of every field of the messages that are set."""
    for field in message.DESCRIPTOR.fields:
        path = here + field.name
        yield path
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if is_repeated(field):
            for place, child in enumerate(getattr(message, field.name)):
                yield from _field_paths(child, f"{path}[{place}].")
        elif message.HasField(field.name):
            yield from _field_paths(getattr(message, field.name), f"{path}.")
