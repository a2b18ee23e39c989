"""Where the fields of a config stand in its text, by path."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor

from odapi_runner.pipeline.syntax import Document, Field, Listed, Message
from odapi_runner.proto.messages import TrainEvalPipelineConfig, is_repeated

_LINE_END = re.compile(r"\r\n|\r|\n")
_LAST_PART = re.compile(r"(\[[^]]*\]|\.?\w+)$")


@dataclass(frozen=True, slots=True)
class Places:
    """The lines of a text's fields; a list has its first element's."""

    lines: Mapping[str, int]  # by path, in the order of the text
    starts: tuple[int, ...]  # where each line of the text begins

    def line_at(self, start: int) -> int:
        """The number of the line, from 1, of a position in the text."""
        return bisect.bisect_right(self.starts, start)

    def line(self, path: str) -> int | None:
        """Where a field stands, or else the nearest message around it; None where none does."""
        while path:
            if path in self.lines:
                return self.lines[path]
            shorter = _LAST_PART.sub("", path)
            if shorter == path:  # no path: the name of a file, say
                return None
            path = shorter
        return None


def find_places(document: Document) -> Places:
    """The line of every field of a pipeline.config."""
    starts = (0, *(found.end() for found in _LINE_END.finditer(document.text)))
    lines: dict[str, int] = {}
    for path, start in _walk(document.fields, TrainEvalPipelineConfig.DESCRIPTOR, ""):
        lines.setdefault(path, bisect.bisect_right(starts, start))
    return Places(lines, starts)


def is_scalar(path: str) -> bool:
    """Whether a path leads to a field that is no message."""
    kind: Descriptor | None = TrainEvalPipelineConfig.DESCRIPTOR
    for part in path.split("."):
        field = kind.fields_by_name.get(part.partition("[")[0]) if kind else None
        if field is None:
            return False
        kind = field.message_type
    return kind is None


def without_oneof(path: str) -> str:
    """The message of a path that ends in the name of its oneof; any other path as it is."""
    parent, _, name = path.rpartition(".")
    kind: Descriptor | None = TrainEvalPipelineConfig.DESCRIPTOR
    for part in filter(None, parent.split(".")):
        field = kind.fields_by_name.get(part.partition("[")[0]) if kind else None
        kind = field.message_type if field is not None else None
    return parent if parent and kind is not None and name in kind.oneofs_by_name else path


def _walk(fields: Sequence[Field], kind: Descriptor, parent: str) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for field in fields:
        descriptor = kind.fields_by_name[field.name]
        path = f"{parent}{field.name}"
        if is_repeated(descriptor):
            yield path, field.start
        for item in field.items:
            place = path
            if is_repeated(descriptor):
                place = f"{path}[{counts[path]}]"
                counts[path] += 1
            yield place, item.start if isinstance(field.value, Listed) else field.start
            if isinstance(item, Message) and descriptor.message_type:
                yield from _walk(item.fields, descriptor.message_type, f"{place}.")
