"""Searching a log for the lines that a grammar wants, faster than reading it line by line.

Of a log of gigabytes one line in a hundred is of interest. Whole blocks of bytes are searched for
a few short texts (`ANCHORS`), and only the lines that hold one of them are looked at, with those
that follow for as far as a grammar reaches.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from odapi_runner.report.grammars import coco_table
from odapi_runner.report.grammars.grammar import Grammar, Reader
from odapi_runner.report.printed_tables import PrintedTables
from odapi_runner.report.rows import EvalRow, Row, Unused

# Each word of each grammar holds one of them.
ANCHORS = (b"step", b"IoU=", b"annotation type")
_MOST_PROBLEMS = 100  # are kept; the rest is counted
_SHOWN = 80  # characters of a line


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be used of a log."""

    line: int | None  # None: it has none
    why: str
    text: str = ""

    def __str__(self) -> str:
        shown = self.text.strip()[:_SHOWN]
        before = "" if self.line is None else f"{self.line}: "
        return before + self.why + (f": {shown}" if shown else "")

    def at(self, path: Path) -> str:
        """The same with its place."""
        return f"{path}: {self}" if self.line is None else f"{path}:{self}"


@dataclass(slots=True)
class Findings:
    """What is to be said of a log once it was read."""

    formats: Counter[str] = field(default_factory=Counter)  # rows by format
    problems: list[Problem] = field(default_factory=list)
    unused: int = 0  # all of them, also those that are not kept

    def add(self, problem: Problem) -> None:
        self.unused += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A grammar at work."""

    name: str
    words: tuple[bytes, ...]
    reach: int
    reader: Reader

    def passage(self, text: bytes, start: int, line_end: int, end: int) -> bytes:
        """What it has to see of the lines from one place to another."""
        if not self.reach:
            return text[start:line_end]
        if end - start > self.reach:
            end = max(line_end, text.rfind(b"\n", start, start + self.reach) + 1)
        return text[start:end]


class Scanner:
    """Gives the lines of a log to the readers of some grammars."""

    def __init__(
        self,
        grammars: Sequence[Grammar],
        findings: Findings | None = None,
        *,
        follows: bool = False,
    ) -> None:
        self.findings = findings or Findings()
        self._follows = follows
        self._readings = [
            _Reading(
                each.name, tuple(word.encode() for word in each.words), each.reach, each.start()
            )
            for each in grammars
        ]
        self._every_line = [reading for reading in self._readings if not reading.words]
        self._reaching = [reading for reading in self._readings if reading.reach]
        self._words = [(word, reading) for reading in self._readings for word in reading.words]
        self._tables = PrintedTables()
        self.lines = 0  # of the blocks before

    def feed(self, block: bytes) -> list[Row]:
        """The rows that a block of whole lines completes; the last one of a log may lack its end.

        The printed tables wait for `close`, unless a log that grows is followed.
        """
        text = block
        if b"\r" in block:  # a bar of progress writes over itself; the places stay what they are
            text = block.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
        rows: list[Row] = []
        starts = _line_starts(text) if self._every_line else _anchored_lines(text)
        if starts[:1] != [0] and any(each.reader.is_open for each in self._reaching):
            starts.insert(0, 0)
        for start, end in itertools.zip_longest(starts, starts[1:], fillvalue=len(text)):
            for told in self._offer(text, start, end):
                if isinstance(told, Unused):
                    before = text.find(told.text.encode(), start, end)
                    line = self.lines + block.count(b"\n", 0, max(before, start)) + 1
                    self.findings.add(Problem(line, told.why, told.text))
                else:
                    rows.append(told)
        self.lines += block.count(b"\n")
        return [*rows, *self._due_tables()]

    def flush(self) -> list[Row]:
        """The rows that are begun, as they are: nothing has come for a while."""
        rows: list[Row] = []
        for reading in self._readings:
            for told in self._sorted_out(reading, reading.reader.close()):
                if isinstance(told, Unused):
                    self.findings.add(Problem(self.lines, told.why, told.text))
                else:
                    rows.append(told)
        return [*rows, *self._due_tables()]

    def close(self) -> list[Row]:
        """The rest; last come the printed tables that no other row tells."""
        rows = [*self.flush(), *self._untold_tables()]
        for _ in range(self._tables.fuller):
            self.findings.add(Problem(self.lines, "an evaluation lacks metrics of COCO's table"))
        return rows

    def _due_tables(self) -> list[EvalRow]:
        """The tables that are complete, of a followed log which tells nothing but tables so far."""
        waits = self._tables.has_told or any(each.reader.is_open for each in self._reaching)
        return [] if waits or not self._follows else self._untold_tables()

    def _untold_tables(self) -> list[EvalRow]:
        tables = self._tables.untold()
        if tables:
            self.findings.formats[coco_table.GRAMMAR.name] += len(tables)
        return tables

    def _offer(self, text: bytes, start: int, end: int) -> list[Row | Unused]:
        """What the readers tell of the lines from one place to another."""
        told: list[Row | Unused] = []
        line_end = text.find(b"\n", start) + 1 or len(text)
        for reading in self._readers_of(text[start:line_end]):
            passage = reading.passage(text, start, line_end, end)
            if found := reading.reader.read(passage.decode("utf-8", errors="replace")):
                told += self._sorted_out(reading, found)
        return told

    def _readers_of(self, line: bytes) -> list[_Reading]:
        """Who has to see a line: the format that it is of, by its words, and who is open."""
        if self._every_line:
            return self._every_line
        wanting = [reading for reading in self._reaching if reading.reader.is_open]
        for word, reading in self._words:
            if word in line:
                if reading not in wanting:
                    wanting.append(reading)
                break
        return wanting

    def _sorted_out(self, reading: _Reading, told: Sequence[Row | Unused]) -> list[Row | Unused]:
        """What a reader tells, counted, without the tables: those have to wait."""
        kept: list[Row | Unused] = []
        for each in told:
            if isinstance(each, EvalRow):
                if reading.name == coco_table.GRAMMAR.name:
                    self._tables.add(each)
                    continue
                self._tables.tell(each.metrics)
            if not isinstance(each, Unused):
                self.findings.formats[reading.name] += 1
            kept.append(each)
        return kept


def _anchored_lines(text: bytes) -> list[int]:
    """Where the lines that hold an anchor begin, ascending."""
    starts: set[int] = set()
    for anchor in ANCHORS:
        at = text.find(anchor)
        while at >= 0:
            starts.add(text.rfind(b"\n", 0, at) + 1)
            end = text.find(b"\n", at)
            at = text.find(anchor, end) if end >= 0 else -1
    return sorted(starts)


def _line_starts(text: bytes) -> list[int]:
    """Where each line begins."""
    starts, at = [], 0
    while at < len(text):
        starts.append(at)
        at = text.find(b"\n", at) + 1 or len(text)
    return starts
