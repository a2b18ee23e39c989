"""What a section of a patch says, before any of its names is looked up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said about a place of a patch."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One word or text of a value; text in quotes keeps them."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Value:
    """What a field is set to."""

    parts: tuple[Part, ...]
    listed: bool  # in square brackets
    place: Place


@dataclass(frozen=True, slots=True)
class Block:
    """What stands in braces."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and what it is given; None where it is a name alone."""

    name: str
    place: Place
    content: Value | Block | None


@dataclass(frozen=True, slots=True)
class Tree:
    """A section of a patch."""

    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
