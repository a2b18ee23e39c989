"""What a grammar is: the words by which its lines are known, and a reader of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from odapi_runner.report.rows import Row, Unused

# A number as Python and C print it.
VALUE = r"[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf)"
# A metric: a word, as "loss" and "DetectionBoxes_Recall/AR@100 (small)" are, or what is told of a
# class, whatever that is called.
NAME = r"(?:[A-Za-z_][\w/@.]*(?: \(\w+\))?(?: By\w*Category/.*)?|[\w@.]+By\w*Category/.*)"

_LAST_STEP = 10**18


def as_step(value: object) -> int | None:
    """A number as that of a step; None where it is none that a training could have."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    is_whole = isinstance(value, int) or value.is_integer()
    return int(value) if is_whole and 0 <= value < _LAST_STEP else None


class Reader(Protocol):
    """Reads the lines of one format, in their order."""

    @property
    def is_open(self) -> bool:
        """Whether the next passage is wanted, whatever it holds."""

    def read(self, passage: str) -> Sequence[Row | Unused]:
        """What is told once this line is read, or a passage that begins with it.

        Every line has its end, unless it is the last one of a log and cut short.
        """

    def close(self) -> Sequence[Row | Unused]:
        """What is told once no line follows."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """One log format."""

    name: str
    # A line that holds one of these is given to the reader, and those that it is open for. Each
    # has to hold one of `scan.ANCHORS`, for which a log is searched; none: every line is given.
    words: tuple[str, ...]
    start: Callable[[], Reader]
    # How many bytes behind such a line belong to it, and whatever stands between: the lines that
    # follow are given with it.
    reach: int = 0
