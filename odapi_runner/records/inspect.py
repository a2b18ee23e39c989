"""What record files hold, and what is wrong with it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, decode_example
from odapi_runner.formats.tfrecord import RecordIndex, expand_patterns, index_records, read_record
from odapi_runner.records.ahead import map_ahead
from odapi_runner.records.convert import Track, untracked
from odapi_runner.records.sample import parse_image_header

# COCO's limits of the area in pixels, both inclusive.
_SMALL: Final = 32**2
_MEDIUM: Final = 96**2

# Half a pixel of the largest images: what rounding to float32 leaves beyond the edge is no fault.
_TOLERANCE: Final = 1e-5
# Nobody's rounding: coordinates as large as this were never divided by the size of the image.
_PIXELS: Final = 2.0


@dataclass(frozen=True, slots=True)
class RecordFault:
    """Something wrong in one record."""

    path: Path
    record: int  # from 0, in its file
    source_id: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: record {self.record} ({self.source_id or '?'}): {self.detail}"


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """The boxes of one class; a box to be ignored (`group_of`, `is_crowd`) is in `ignored` only."""

    name: str
    id: int | None
    images: int
    boxes: int
    small: int
    medium: int
    large: int
    difficult: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What all files together hold; classes by id, then by name."""

    images: int
    images_without_boxes: int  # none but ignored ones
    classes: tuple[ClassCounts, ...]
    faults: tuple[RecordFault, ...]


def find_records(names: Sequence[str], root: Path) -> list[Path]:
    """The record files of files, patterns and folders; a folder stands for its `*.record`.

    Raises:
        DataError: a name without a record file.
    """
    patterns = [f"{name}/*.record" if (root / name).is_dir() else name for name in names]
    return expand_patterns(patterns, root)


def inspect_records(paths: Sequence[Path], *, track: Track = untracked) -> Inspection:
    """Read every record of the files; images are not decoded, only their headers read.

    Raises:
        DataError: a file that is no TFRecord file or is damaged, or no record at all.
    """
    places = [
        (index, number) for index in map(index_records, paths) for number in range(len(index))
    ]
    if not places:
        what = f"{', '.join(map(str, paths))}: no record"
        raise DataError(what, fix="Convert annotations first: odapi data convert --help")
    tally = _Tally()
    for path, number, payload in map_ahead(_read, track(places, "records")):
        tally.add(path, number, payload)
    return tally.result()


def tabulate(value: Inspection) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Columns and rows of a table: one row a class, one for all, one for each kind of fault."""
    numbers = ("images", "boxes", "small", "medium", "large", "difficult", "ignored")
    rows: list[tuple[object, ...]] = [
        ("class", item.name, item.id, *(getattr(item, name) for name in numbers), None)
        for item in value.classes
    ]
    sums = [sum(getattr(item, name) for item in value.classes) for name in numbers[1:]]
    rows.append(("all", None, None, value.images, *sums, None))
    for kind in dict.fromkeys(fault.kind for fault in value.faults):
        of_kind = [fault for fault in value.faults if fault.kind == kind]
        records = len({(fault.path, fault.record) for fault in of_kind})
        boxes = len(of_kind) if kind.startswith("box") else None
        rows.append(("fault", kind, None, records, boxes, *[None] * 5, str(of_kind[0])))
    return ("what", "name", "id", *numbers, "first"), rows


def find_box_faults(boxes_yxyx_norm: NDArray[np.float32]) -> Iterator[tuple[str, str]]:
    """Kind and words for each box that is not within 0..1, or that has no area."""
    for number, box in enumerate(boxes_yxyx_norm.astype(np.float64)):
        ymin, xmin, ymax, xmax = box
        shown = f"box {number} (ymin {ymin:g}, xmin {xmin:g}, ymax {ymax:g}, xmax {xmax:g})"
        if not np.isfinite(box).all():
            yield "box not finite", f"{shown} is not finite"
        elif ymin > ymax or xmin > xmax:
            yield "box inverted", f"{shown} is inverted"
        elif box.max() > _PIXELS:
            yield "box in pixels", f"{shown} is in pixels, not in 0..1"
        elif box.min() < -_TOLERANCE or box.max() > 1 + _TOLERANCE:
            yield "box out of range", f"{shown} is not within 0..1"
        elif ymin == ymax or xmin == xmax:
            yield "box without area", f"{shown} has no area"


def find_image_faults(value: Annotated) -> Iterator[tuple[str, str]]:
    """Kind and words for an image that is not what its record says."""
    try:
        is_, height, width = parse_image_header(io.BytesIO(value.encoded))
    except ValueError as error:
        yield "image undecodable", str(error)
        return
    said = value.image_format.lower().replace("jpg", "jpeg")
    if said != is_:
        yield "image format", f"image/format is {value.image_format}, but the image is {is_}"
    if (value.height or height, value.width or width) != (height, width):
        size = f"{value.width}x{value.height}, but the image is {width}x{height}"
        yield "image size", f"image/width and image/height say {size}"


def _read(place: tuple[RecordIndex, int]) -> tuple[Path, int, bytes]:
    index, number = place
    return index.path, number, read_record(index, number)


@dataclass(slots=True)
class _Tally:
    """Counts as records go by."""

    images: int = 0
    empty: int = 0
    source_ids: set[str] = field(default_factory=set)
    ids: dict[str, int | None] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[RecordFault] = field(default_factory=list)

    def add(self, path: Path, number: int, payload: bytes) -> None:
        self.images += 1
        try:
            value = decode_example(payload, "")
        except DataError as error:
            what = error.what.removeprefix(": ")
            self.faults.append(RecordFault(path, number, "", "record unreadable", what))
            return
        self.empty += bool((value.is_crowd | value.group_of).all())
        self.faults += [
            RecordFault(path, number, value.source_id, kind, words)
            for kind, words in self._faults(value)
        ]
        self.source_ids.add(value.source_id)
        self._count(value)

    def _faults(self, value: Annotated) -> Iterator[tuple[str, str]]:
        if not value.source_id:
            yield "source id empty", "image/source_id is empty"
        elif value.source_id in self.source_ids:
            yield "source id twice", "another record has this image/source_id"
        boxes = len(value.boxes_yxyx_norm)
        if boxes and not value.class_names and not len(value.class_ids):
            yield "class missing", f"{boxes} boxes without class/text and class/label"
        yield from find_image_faults(value)
        yield from find_box_faults(value.boxes_yxyx_norm)

    def _count(self, value: Annotated) -> None:
        names = value.class_names or tuple(f"id {id_}" for id_ in value.class_ids)
        ids = value.class_ids.tolist() or [None] * len(names)
        ymin, xmin, ymax, xmax = value.boxes_yxyx_norm.T
        of_box = (ymax - ymin) * value.height * (xmax - xmin) * value.width
        areas = np.where(value.area > 0, value.area, of_box)
        ignored = value.is_crowd | value.group_of
        seen = set()
        for place, (name, id_) in enumerate(zip(names, ids, strict=True)):
            self.ids.setdefault(name, id_)
            counts = self.counts.setdefault(name, Counter())
            if ignored[place]:
                counts["ignored"] += 1
                continue
            counts["boxes"] += 1
            counts[_size(areas[place])] += 1
            counts["difficult"] += bool(value.difficult[place])
            seen.add(name)
        for name in seen:
            self.counts[name]["images"] += 1

    def result(self) -> Inspection:
        names = sorted(self.counts, key=lambda name: (self.ids[name] or 0, name))
        kinds = ("images", "boxes", "small", "medium", "large", "difficult", "ignored")
        return Inspection(
            images=self.images,
            images_without_boxes=self.empty,
            classes=tuple(
                ClassCounts(name, self.ids[name], *(self.counts[name][kind] for kind in kinds))
                for name in names
            ),
            faults=tuple(self.faults),
        )


def _size(area: float) -> str:
    return "small" if area <= _SMALL else "medium" if area <= _MEDIUM else "large"
