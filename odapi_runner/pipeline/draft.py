"""A config while it is being changed, by paths."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.paths import Step, nearest_paths, parse_path, show_path
from odapi_runner.pipeline.scalars import parse_scalar, unquoted
from odapi_runner.pipeline.selection import describe_elements, select_place
from odapi_runner.pipeline.typed import parse_value, parse_values
from odapi_runner.proto.messages import is_map, is_repeated


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a path leads."""

    parent: Any  # the message that has the field
    field: FieldDescriptor
    place: Any  # of a list the number of the element, of a map the key; None is the field itself

    def items(self) -> Any:
        """What is in the field."""
        return getattr(self.parent, self.field.name)


class Draft:
    """A copy of a message that takes changes one by one.

    Setting a member of a oneof replaces the member that was set, and a note says so. A change that
    raises leaves the draft half changed: it is then to be dropped.
    """

    def __init__(self, message: Any, words: Iterable[str] = ()) -> None:
        """Begin with a copy of a message; `words` are what else may be meant by a path."""
        self.message = type(message)()
        self.message.CopyFrom(message)
        self.notes: list[str] = []
        self.paths: list[str] = []  # what was set or deleted, as asked for
        self._words = tuple(words)

    def set_text(self, path: str, text: str) -> None:
        """Set the field at a path to what is typed.

        Args:
            path: see `paths`; messages on the way to the field are created, and so is an element
                in the place after the last one of a list.
            text: an enum's value by name; true or false; numbers and strings as they are, quotes
                allowed; of a list `a,b` or `[a, b]`, which replaces it; of a message
                `{ field: value … }`, which replaces it: `{}` is the empty message.

        Raises:
            ConfigError: there is no such path, or the text is nothing that it takes.
        """
        spot = self._find(path, make=True)
        if spot.place is not None:
            value = parse_value(_element(spot.field), path, text)
        elif is_map(spot.field):
            raise ConfigError(f"{path}: is a map", fix=f"Say which of it, as in {path}[KEY]=VALUE")
        elif is_repeated(spot.field):
            if spot.field.message_type and not unquoted(text).strip().startswith("["):
                raise _say_which(spot, path)
            value = parse_values(spot.field, path, text)
        else:
            value = parse_value(spot.field, path, text)
        self._store(spot, value, path)

    def append_text(self, path: str, text: str) -> None:
        """Append what is typed to the list at a path; arguments and errors as in `set_text`."""
        spot = self._find(path, make=True)
        if spot.place is not None or not is_repeated(spot.field) or is_map(spot.field):
            raise ConfigError(f"{path}: no list to append to", fix="Set it with = instead of +=.")
        spot.items().extend(parse_values(spot.field, path, text))
        self.paths.append(path)

    def set(self, path: str, value: Any) -> None:
        """Set the field at a path to a value of its type: a scalar, a message, a list of them.

        Raises:
            ConfigError: there is no such path.
        """
        self._store(self._find(path, make=True), value, path)

    def ensure(self, path: str) -> None:
        """Have the message at a path, empty where it was not there; errors as in `set`."""
        self._find(path, make=True).items().SetInParent()
        self.paths.append(path)

    def delete(self, path: str) -> None:
        """Leave out the field at a path, or that element of a list.

        Raises:
            ConfigError: there is no such path, or nothing is set there.
        """
        spot = self._find(path, make=False)
        items = spot.items()
        if spot.place is None:
            if spot.field not in [field for field, _ in spot.parent.ListFields()]:
                raise _not_set(path)
            spot.parent.ClearField(spot.field.name)
        elif is_map(spot.field):
            if spot.place not in items:
                raise _not_set(path)
            del items[spot.place]
        elif spot.place >= len(items):
            raise _no_such_place(spot, path)
        else:
            del items[spot.place]
        self.paths.append(path)

    def _store(self, spot: Spot, value: Any, path: str) -> None:
        parent, field, place = spot.parent, spot.field, spot.place
        items = getattr(parent, field.name)
        if place is None and is_repeated(field):
            del items[:]
            items.extend(value)
        elif place is None and field.message_type:
            items.SetInParent()
            items.CopyFrom(value)
        elif place is None:
            setattr(parent, field.name, value)
        elif not is_map(field) and place > len(items):
            raise _no_such_place(spot, path)
        elif _element(field).message_type:
            _entered(spot).CopyFrom(value)
        elif is_map(field):
            items[place] = value
        else:
            items[place : place + 1] = [value]
        self.paths.append(path)

    def _find(self, path: str, *, make: bool) -> Spot:
        """Where a path leads; with `make`, through messages that are created."""
        steps = parse_path(path)
        parent, here = self.message, ""
        for step, after in itertools.pairwise(steps):
            spot = self._step(parent, here, steps, step, make=make)
            here += show_path([step])
            parent = self._enter(spot, here, path, make=make)
            # What an element was chosen by need not be said again: `[random_crop_image].min_area`.
            if member := _member_with(parent, step.chosen, after.name):
                parent, here = getattr(parent, member), f"{here}.{member}"
            here += "."
        return self._step(parent, here, steps, steps[-1], make=make)

    def _step(
        self, parent: Any, here: str, steps: tuple[Step, ...], step: Step, *, make: bool
    ) -> Spot:
        """What one step of a path leads to from a message."""
        field = parent.DESCRIPTOR.fields_by_name.get(step.name)
        path = show_path(steps)
        if field is None:
            known = ", ".join(sorted(other.name for other in parent.DESCRIPTOR.fields))
            words = self._words if make else ()
            near = nearest_paths(self.message, steps, words)
            raise ConfigError(
                f'{path}: {parent.DESCRIPTOR.name} has no field "{step.name}"',
                fix=f"Did you mean {' or '.join(near)}?" if near else f"Its fields: {known}.",
            )
        chosen = field.containing_oneof and parent.WhichOneof(field.containing_oneof.name)
        if chosen and chosen != field.name:
            if not make:
                raise _not_set(path)
            self.notes.append(f"{here.rstrip('.')}: {field.name} replaces {chosen}")
            parent.ClearField(chosen)
        if step.chosen is None:
            return Spot(parent, field, None)
        if is_map(field):
            key = field.message_type.fields_by_name["key"]
            return Spot(parent, field, parse_scalar(key, path, step.chosen))
        if not is_repeated(field):
            raise ConfigError(f"{path}: {field.name} is no list", fix="Leave out the brackets.")
        items = getattr(parent, field.name)
        return Spot(parent, field, select_place(items, field, step.chosen, here + step.name))

    def _enter(self, spot: Spot, here: str, path: str, *, make: bool) -> Any:
        """The message in a field, in one place of a list or under one key of a map."""
        if _element(spot.field).message_type is None:
            raise ConfigError(f"{here}: has no fields of its own", fix=f"Set {here} itself.")
        child = spot.items()
        if not is_repeated(spot.field):
            if make:
                child.SetInParent()
            elif not spot.parent.HasField(spot.field.name):
                raise _not_set(path)
            return child
        if spot.place is None:
            raise _say_which(spot, here)
        there = spot.place in child if is_map(spot.field) else spot.place < len(child)
        if not there and (not make or (not is_map(spot.field) and spot.place > len(child))):
            raise _no_such_place(spot, here)
        return _entered(spot)


def _member_with(message: Any, chosen: str | None, name: str) -> str | None:
    """The member of `message` that brackets chose it by, where only that has a field `name`."""
    fields = message.DESCRIPTOR.fields_by_name
    kind = fields[chosen].message_type if chosen in fields else None
    return chosen if kind and name not in fields and name in kind.fields_by_name else None


def _element(field: FieldDescriptor) -> FieldDescriptor:
    """The field that says what an element of a list or of a map is."""
    entry: Any = field.message_type
    return entry.fields_by_name["value"] if is_map(field) else field


def _entered(spot: Spot) -> Any:
    """The message at a place, created where it is the next one, or under a key."""
    items = spot.items()
    return items.add() if not is_map(spot.field) and spot.place == len(items) else items[spot.place]


def _not_set(path: str) -> ConfigError:
    return ConfigError(f"{path}: not set, there is nothing to delete", fix="Leave out this -d.")


def _say_which(spot: Spot, path: str) -> ConfigError:
    """The error of a list without brackets after it."""
    items = spot.items()
    if is_map(spot.field):
        return ConfigError(f"{path}: is a map", fix=f"Say which of it, as in {path}[KEY].")
    there = describe_elements(items, spot.field)
    return ConfigError(
        f"{path}: is a list of {len(items)}",
        fix=f"Write {path}[0]" + (f"; it has {there}." if len(items) > 1 else "."),
    )


def _no_such_place(spot: Spot, path: str) -> ConfigError:
    if is_map(spot.field):
        return _not_set(path)
    count = len(spot.items())
    return ConfigError(
        f"{path}: {spot.field.name} has {count} elements",
        fix=f"They are numbered from 0; -s with [{count}] appends one.",
    )
