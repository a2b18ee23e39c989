"""A survey of every record, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import DataError
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.records.found import ClassCounts, ClassKey, Survey
from odapi_runner.records.progress import Track, untracked
from odapi_runner.records.survey import survey_records

_NUMBERS = ("images", "boxes", "small", "medium", "large", "difficult", "ignored")


def find_records(names: Sequence[str], root: Path) -> list[Path]:
    """The record files of files, patterns and folders; a folder stands for its `*.record`.

    Raises:
        DataError: a name without a record file.
    """
    patterns = [f"{name}/*.record" if files.is_folder(root / name) else name for name in names]
    return expand_patterns(patterns, root)


def inspect_records(
    paths: Sequence[Path], *, decode: bool = False, track: Track = untracked
) -> Survey:
    """Look at every record of the files.

    Args:
        paths: the files.
        decode: decode every image as a whole; else only their headers are read.
        track: shows progress.

    Raises:
        DataError: a file that is no TFRecord file or is damaged, or no record at all.
    """
    survey = survey_records(paths, every_record=True, decode=decode, track=track)
    if survey.unreadable:
        raise survey.unreadable[0]
    if not survey.total:
        what = f"{', '.join(map(str, paths))}: no record"
        raise DataError(what, fix="Convert annotations first: odapi data convert --help")
    return survey


def tabulate(value: Survey) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Columns and rows of a table: one row a class, one for all, one for each kind of fault."""
    classes = sorted(value.classes.items(), key=_by_id)
    rows: list[tuple[object, ...]] = [
        ("class", name or f"id {id_}", id_, *(getattr(counts, of) for of in _NUMBERS), None)
        for (name, id_), counts in classes
    ]
    sums = [sum(getattr(counts, of) for _, counts in classes) for of in _NUMBERS[1:]]
    rows.append(("all", None, None, value.looked_at, *sums, None))
    for kind, counts in value.faults.items():
        first = str(counts.examples[0])
        rows.append(("fault", kind, None, counts.records, counts.boxes or None, *[None] * 5, first))
    return ("what", "name", "id", *_NUMBERS, "first"), rows


def _by_id(item: tuple[ClassKey, ClassCounts]) -> tuple[int, str]:
    (name, id_), _ = item
    return id_ or 0, name or ""
