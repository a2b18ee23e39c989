"""`# odapi: ignore=ID[,ID]` in a config: findings that its author has looked at and let pass.

Before the first field it speaks of the whole file; behind a field, or on a line of its own above
one, of that field with all that is in it.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.places import Places
from odapi_runner.pipeline.syntax import Document, Field, Message

_COMMENT = re.compile(
    r"#[ \t]*odapi[ \t]*:[ \t]*ignore[ \t]*[=:][ \t]*([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)"
)


@dataclass(frozen=True, slots=True)
class Comment:
    """One such comment."""

    ids: tuple[str, ...]  # of rules
    line: int
    paths: tuple[str, ...] | None  # of the fields that it speaks of; None: of the whole file
    unknown: tuple[str, ...] = ()  # ids that no rule has
    unused: tuple[str, ...] = ()  # ids of rules that had nothing to say here

    def covers(self, finding: Finding) -> bool:
        """Whether the comment lets a finding pass."""
        if finding.rule not in self.ids:
            return False
        return self.paths is None or any(_lies_in(finding.place, path) for path in self.paths)


def has_comments(text: str) -> bool:
    """Whether a text may hold such a comment; it may stand in a string, too."""
    return _COMMENT.search(text) is not None


def find_comments(document: Document, places: Places) -> tuple[Comment, ...]:
    """The comments of a pipeline.config that tell the check to ignore something."""
    by_line: dict[int, list[str]] = defaultdict(list)
    for path, line in places.lines.items():
        by_line[line].append(path)
    head = min(by_line, default=len(places.starts) + 1)
    found = []
    for start, ids in _matches(document):
        line = places.line_at(start)
        alone = not document.text[places.starts[line - 1] : start].strip()
        about = _next_line(document.text, places, line) if alone else line
        paths = None if line < head else tuple(by_line[about])
        found.append(Comment(ids, line, paths))
    return tuple(found)


def apply_comments(
    findings: Iterable[Finding], comments: Sequence[Comment], known: Iterable[str]
) -> tuple[list[Finding], tuple[Comment, ...]]:
    """The findings that remain, and the comments with what is `unknown` and `unused` of them.

    Args:
        findings: all of a config.
        comments: those in its text.
        known: the ids of all rules.
    """
    everything = list(findings)
    kept = [item for item in everything if not any(one.covers(item) for one in comments)]
    ids = frozenset(known)
    judged = []
    for one in comments:
        used = {item.rule for item in everything if one.covers(item)}
        unknown = tuple(id_ for id_ in one.ids if id_ not in ids)
        unused = tuple(id_ for id_ in one.ids if id_ in ids and id_ not in used)
        judged.append(replace(one, unknown=unknown, unused=unused))
    return kept, tuple(judged)


def _matches(document: Document) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Place and ids of each comment; what looks like one in a string is none."""
    values = list(_scalars(document.fields))
    for found in _COMMENT.finditer(document.text):
        before = bisect.bisect_right(values, (found.start(), found.start())) - 1
        if before < 0 or values[before][1] <= found.start():
            yield found.start(), tuple(re.split(r"[ \t]*,[ \t]*", found[1]))


def _scalars(fields: Sequence[Field]) -> Iterator[tuple[int, int]]:
    """Where values that are no messages begin and end, in the order of the text."""
    for field in fields:
        for item in field.items:
            if isinstance(item, Message):
                yield from _scalars(item.fields)
            else:
                yield item.start, item.end


def _next_line(text: str, places: Places, line: int) -> int:
    """The number of the first line after this one that is neither empty nor a comment."""
    for number, (start, end) in enumerate(pairwise((*places.starts[line:], len(text))), line + 1):
        written = text[start:end].strip()
        if written and not written.startswith("#"):
            return number
    return 0


def _lies_in(place: str, path: str) -> bool:
    return place == path or place.startswith((f"{path}.", f"{path}["))
