"""Reading a config so that no field in it stays without effect unnoticed (DESIGN.md 5.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from odapi_runner.proto.messages import is_repeated


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field that the engine cannot honour: where, why, and what to do about it."""

    path: str
    reason: str
    fix: str


@dataclass(slots=True)
class Notes:
    """What the readers of one config have gathered: the paths read, and the refusals."""

    read: set[str] = field(default_factory=set)
    refusals: list[Refusal] = field(default_factory=list)


class Reader:
    """One message of a config; notes each field that is asked for.

    Asking for an absent message gives a reader of its defaults, as protobuf itself does.
    """

    def __init__(self, message: Any, path: str = "", notes: Notes | None = None) -> None:
        self._message = message
        self._path = path
        self.notes = Notes() if notes is None else notes

    def path(self, name: str) -> str:
        """The full path of a field of this message."""
        return f"{self._path}.{name}" if self._path else name

    def value(self, name: str) -> Any:
        """A scalar; of a repeated one a tuple."""
        self.notes.read.add(self.path(name))
        value = getattr(self._message, name)
        return value if isinstance(value, str | bytes | int | float) else tuple(value)

    def enum(self, name: str) -> str:
        """The name of an enum's value."""
        descriptor = self._message.DESCRIPTOR.fields_by_name[name].enum_type
        return descriptor.values_by_number[self.value(name)].name

    def message(self, name: str) -> Reader:
        """A reader of a message field."""
        self.notes.read.add(self.path(name))
        return Reader(getattr(self._message, name), self.path(name), self.notes)

    def messages(self, name: str) -> Iterator[Reader]:
        """A reader of each element of a repeated message field."""
        self.notes.read.add(self.path(name))
        for place, element in enumerate(getattr(self._message, name)):
            yield Reader(element, f"{self.path(name)}[{place}]", self.notes)

    def mapping(self, name: str) -> dict[Any, Any]:
        """A map of scalars, in the order of its keys."""
        self.notes.read.add(self.path(name))
        return dict(sorted(getattr(self._message, name).items()))

    def message_mapping(self, name: str) -> dict[Any, Reader]:
        """A reader of each message of a map, in the order of its keys."""
        return {
            key: Reader(value, f"{self.path(name)}[{key}]", self.notes)
            for key, value in self.mapping(name).items()
        }

    def has(self, name: str) -> bool:
        """Whether an optional field is set."""
        return self._message.HasField(name)

    def choice(self, oneof: str) -> str | None:
        """The member of a oneof that is set."""
        return self._message.WhichOneof(oneof)

    def require(self, name: str, supported: Sequence[Any], why: str = "", fix: str = "") -> Any:
        """The value of a field of which the engine knows only some values; else it is refused."""
        value = self.value(name)
        if self._message.DESCRIPTOR.fields_by_name[name].enum_type is not None:
            value = self.enum(name)
        if value not in supported:
            self.refuse(
                name, f"{_shown(value)} is not supported{why and ': ' + why}", supported, fix
            )
        return value

    def above_zero(self, name: str) -> int:
        """The value of a count, refused where it counts nothing."""
        number: int = self.value(name)
        if number <= 0:
            self.refuse(name, f"is {number}", (1,))
        return number

    def member(
        self,
        oneof: str,
        supported: Sequence[str],
        fix: str = "",
        why: Mapping[str, str] | None = None,
    ) -> tuple[str, Reader]:
        """The member of a oneof of which the engine knows only some, and a reader of it.

        Another one is refused, `why` says with which reason; the first one known stands in for
        it, and nothing is noted of that.
        """
        name = self.choice(oneof)
        if name is None:
            self.refuse(oneof, "is not set", supported, fix)
        elif name in supported:
            return name, self.message(name)
        else:
            reason = (why or {}).get(name, "")
            self.refuse(name, f"is not supported{reason and ': ' + reason}", supported, fix)
        return supported[0], Reader(getattr(self._message, supported[0]), self._path)

    def refuse(self, name: str, reason: str, supported: Sequence[Any], fix: str = "") -> None:
        """Note that a field cannot be honoured, and the values that could, or another remedy."""
        known = " or ".join(_shown(value) for value in supported)
        self.notes.refusals.append(Refusal(self.path(name), reason, fix or f"Use {known}."))


def set_fields(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that is set to something else than its default: its path, and its value.

    Messages are walked into and named themselves too (their value is None): an empty message
    can mean something, such as the member of a oneof.
    """
    for descriptor, value in message.ListFields():
        where = f"{path}.{descriptor.name}" if path else descriptor.name
        if descriptor.message_type is None:
            if is_repeated(descriptor) or value != descriptor.default_value:
                yield where, value
        elif descriptor.message_type.GetOptions().map_entry:
            yield where, dict(value)
        elif is_repeated(descriptor):
            for place, element in enumerate(value):
                yield f"{where}[{place}]", None
                yield from set_fields(element, f"{where}[{place}]")
        else:
            yield where, None
            yield from set_fields(value, where)


def unread(message: Any, notes: Notes, ignored: dict[str, str]) -> list[Refusal]:
    """A refusal for each field that is set and that nobody asked for.

    Args:
        message: the whole config.
        notes: what was read from it.
        ignored: paths (without list places) that the Object Detection API itself does not read,
            or whose only effect is on speed, each with the reason.
    """
    refused = [item.path for item in notes.refusals]
    refusals: list[Refusal] = []
    for path, _ in set_fields(message):
        if _without_last_place(path) in notes.read:
            continue
        # What lies inside a refused message is refused with it, not once more by itself.
        if _lies_in(path, refused) or _lies_in(_without_places(path), ignored):
            continue
        refused.append(path)
        refusals.append(
            Refusal(path, "is not supported by the builtin engine", f"Remove it: -d {path}")
        )
    return refusals


def _lies_in(path: str, messages: Iterable[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in messages)


def _without_places(path: str) -> str:
    return "".join(part.split("]")[-1] for part in path.split("["))


def _without_last_place(path: str) -> str:
    return path[: path.rindex("[")] if path.endswith("]") else path


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
