"""How a config is laid out: its lines, indentation and separators, kept where something changes.

What is written into a text looks like what stands around it:

- A new field has lines of its own after the field that it follows, indented as that one, unless
  something else follows on its line: then it goes there too.
- A field that goes takes its lines along, and a comment behind it on the last of them; comments
  above it stay. Of two empty lines around it one goes as well. On a line that it shares it leaves
  the rest alone.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from odapi_runner.pipeline.syntax import Document, Field, Listed, Message, with_line_feeds

_BLANK = re.compile(r"[^\S\n]*")
_REST_OF_LINE = re.compile(r"[^\S\n]*(#[^\n]*)?(\n|\Z)")
_BLANK_LINE = re.compile(r"[^\S\n]*(\n|\Z)")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_LINE_END = re.compile(r"\r\n|\r|\n")
_OPENING, _CLOSING = ("{", "<", "["), ("}", ">", "]")
_KEEPS_APART = ("", " ", "\t", "\r", "\n", ",", ";", *_CLOSING)  # "": the end of the text


@dataclass(frozen=True, slots=True)
class Splice:
    """Another text for what stands from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class New:
    """A field to be written, on lines of its own or within one."""

    lines: tuple[str, ...]  # without the indentation of the first
    inline: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The habits of one text, and its lines."""

    text: str  # with line feeds, see `syntax.with_line_feeds`
    line_starts: tuple[int, ...]
    newline: str
    indent_by: str
    colons: bool  # whether it writes `name: {` rather than `name {`
    lists: bool  # whether it writes `[1, 2]`
    spaced: bool  # whether an empty line stands between the blocks of the text

    def line_start(self, place: int) -> int:
        return self.line_starts[bisect.bisect_right(self.line_starts, place) - 1]

    def indent(self, place: int) -> str:
        """The blanks at the beginning of the line."""
        start = self.line_start(place)
        found = _BLANK.match(self.text, start, place)
        return found[0] if found else ""

    def begins_line(self, place: int) -> bool:
        return self.line_start(place) + len(self.indent(place)) == place

    def line_end(self, place: int) -> int | None:
        """Where the next line begins, if only a comment stands between; else None."""
        found = _REST_OF_LINE.match(self.text, place)
        return found.end() if found else None

    def empty_line_between(self, start: int, end: int) -> int:
        """Where the lines from `start` to `end` begin, if they go: with an empty one before them.

        That is so where another empty line follows them, or nothing.
        """
        before = self.line_start(start - 1) if start else 0
        between = not self.text[before:start].strip() and _BLANK_LINE.match(self.text, end)
        return before if between else start

    def one_line(self, start: int, end: int) -> bool:
        return "\n" not in self.text[start:end]

    def block(self, start: int, end: int, lines: Sequence[str], indent: str) -> Splice:
        """Whole lines instead of those from `start` to `end`."""
        text = "".join(f"{indent}{line}{self.newline}" for line in lines)
        if end == len(self.text) and text:
            # The last line of the text has no end, or it is a new one behind that.
            open_end = bool(self.text) and not self.text.endswith("\n")
            if open_end and start == end:
                text = f"{self.newline}{text}"
            text = text.removesuffix(self.newline) if open_end else text
        return Splice(start, end, text)

    def within(self, start: int, end: int, words: str) -> Splice:
        """Words instead of those from `start` to `end`, kept apart from their neighbours."""
        before, after = self.text[start - 1 : start], self.text[end : end + 1]
        if start == end and not before.isspace():
            words = f" {words}"
        if after not in _KEEPS_APART or (before in _OPENING and after in _CLOSING):
            words = f"{words} "
        return Splice(start, end, words)

    def without(self, start: int, end: int) -> Splice:
        """Nothing instead of what shares its line with something else."""
        blank = _BLANK.match(self.text, end)
        if self.begins_line(start) or self.text[start - 1] not in " \t":
            return Splice(start, blank.end() if blank else end, "")
        if self.text[end : end + 1] in _KEEPS_APART:
            while self.text[start - 1] in " \t":
                start -= 1
        return Splice(start, end, "")


def read_layout(document: Document) -> Layout:
    """How a text is laid out; where it does not say, as google.protobuf writes."""
    text = with_line_feeds(document.text)
    newline = _LINE_END.search(document.text)
    bare = Layout(
        text,
        line_starts=(0, *(found.end() for found in re.finditer("\n", text))),
        newline=newline[0] if newline else "\n",
        indent_by="  ",
        colons=False,
        lists=False,
        spaced=False,
    )
    steps: Counter[str] = Counter()
    colons: Counter[bool] = Counter()
    lists = False
    for field in _all_fields(document.fields):
        lists = lists or isinstance(field.value, Listed)
        if isinstance(field.value, Message):
            colons[field.colon] += 1
            outer = bare.indent(field.start)
            inner = [
                bare.indent(sub.start) for sub in field.value.fields if bare.begins_line(sub.start)
            ]
            steps.update(step.removeprefix(outer) for step in inner if step.startswith(outer))
    steps.pop("", None)
    indent_by = max(steps, key=lambda step: steps[step], default=bare.indent_by)
    gaps = [text[one.end : next_one.start] for one, next_one in pairwise(document.fields)]
    return replace(
        bare,
        indent_by=indent_by,
        colons=colons[True] > colons[False],
        lists=lists,
        spaced=any(_EMPTY_LINE.search(gap) for gap in gaps),
    )


def apply_splices(text: str, splices: Iterable[Splice]) -> str:
    """The text with each splice in its place; of two at one place the earlier comes first."""
    parts, done = [], 0
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        assert splice.start >= done, f"{splice} overlaps what ends at {done}"
        parts += [text[done : splice.start], splice.text]
        done = splice.end
    return "".join([*parts, text[done:]])


def _all_fields(fields: Sequence[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        for item in field.items:
            if isinstance(item, Message):
                yield from _all_fields(item.fields)
