"""Searching a log for the lines that a grammar wants, faster than reading it line by line.

Of a log of gigabytes one line in a hundred is of interest. Whole blocks of bytes are searched for
a few short texts (`ANCHORS`), and only a line that holds one of them is looked at, or one that
follows such a line for as long as a reader is open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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

    line: int
    why: str
    text: str = ""

    def __str__(self) -> str:
        shown = self.text.strip()[:_SHOWN]
        return f"{self.line}: {self.why}" + (f": {shown}" if shown else "")


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
    reader: Reader

    def wants(self, line: bytes) -> bool:
        return not self.words or any(word in line for word in self.words)


class Scanner:
    """Gives the lines of a log to the readers of some grammars."""

    def __init__(self, grammars: Sequence[Grammar], findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._readings = [
            _Reading(each.name, tuple(word.encode() for word in each.words), each.start())
            for each in grammars
        ]
        self._every_line = any(not reading.words for reading in self._readings)
        self._tables = PrintedTables()
        self.lines = 0  # of the blocks before

    def feed(self, block: bytes) -> list[Row]:
        """The rows that a block of whole lines completes; the last one of a log may lack its end.

        The printed tables wait for `close`.
        """
        text = block
        if b"\r" in block:  # a bar of progress writes over itself; the places stay what they are
            text = block.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
        rows: list[Row] = []
        for start, end in self._wanted(text):
            for told in self._offer(text[start:end]):
                if isinstance(told, Unused):
                    line = self.lines + block.count(b"\n", 0, start) + 1
                    self.findings.add(Problem(line, told.why, told.text))
                else:
                    rows.append(told)
        self.lines += block.count(b"\n")
        return rows

    def flush(self) -> list[Row]:
        """The rows that are begun, as they are: nothing has come for a while."""
        rows: list[Row] = []
        for reading in self._readings:
            for told in self._sorted_out(reading, reading.reader.close()):
                if isinstance(told, Unused):
                    self.findings.add(Problem(self.lines, told.why, told.text))
                else:
                    rows.append(told)
        return rows

    def close(self) -> list[Row]:
        """The rest; last come the printed tables that no other row tells."""
        rows, tables = self.flush(), self._tables.untold()
        if tables:
            self.findings.formats[coco_table.GRAMMAR.name] += len(tables)
        return [*rows, *tables]

    def _wanted(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each line that is to be looked at; readers may open in between."""
        starts = iter(() if self._every_line else _anchored_lines(text))
        at = 0
        while at < len(text):
            if not self._every_line and not any(each.reader.is_open for each in self._readings):
                at = next((start for start in starts if start >= at), len(text))
            if at < len(text):
                end = text.find(b"\n", at) + 1 or len(text)
                yield at, end
                at = end

    def _offer(self, line: bytes) -> list[Row | Unused]:
        told: list[Row | Unused] = []
        text = ""
        for reading in self._readings:
            if reading.reader.is_open or reading.wants(line):
                text = text or line.decode("utf-8", errors="replace")
                if found := reading.reader.read(text):
                    told += self._sorted_out(reading, found)
        return told

    def _sorted_out(self, reading: _Reading, told: Sequence[Row | Unused]) -> list[Row | Unused]:
        """What a reader tells, counted, without the tables: those have to wait."""
        kept: list[Row | Unused] = []
        for each in told:
            if isinstance(each, EvalRow) and reading.name == coco_table.GRAMMAR.name:
                self._tables.waiting.append(each)
                continue
            if isinstance(each, EvalRow):
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
