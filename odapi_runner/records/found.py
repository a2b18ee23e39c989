"""What was found in records, in counts that can be added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.errors import DataError

# The name and the id of a class as records have them; None where they have none of that.
ClassKey = tuple[str | None, int | None]

# Every kind of fault of a record, in the order in which they are told.
KINDS: Final = (
    "record unreadable",
    "image undecodable",
    "image format",
    "image size",
    "class missing",
    "box not finite",
    "box inverted",
    "box in pixels",
    "box out of range",
    "box without area",
    "area normalised",
    "source id empty",
    "source id twice",
)

_EXAMPLES: Final = 10

# Boxes of which place and size are kept, whatever the number of all.
SAMPLED_BOXES: Final = 2048


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record stands."""

    path: Path
    record: int  # from 0, in its file


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
class FaultCounts:
    """How often one kind of fault is there."""

    records: int
    boxes: int  # 0 where it is not about boxes
    examples: tuple[RecordFault, ...]  # the first ones, in the order of the records

    def __add__(self, other: FaultCounts) -> FaultCounts:
        examples = (self.examples + other.examples)[:_EXAMPLES]
        return FaultCounts(self.records + other.records, self.boxes + other.boxes, examples)


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """The boxes of one class; a box to be ignored (`group_of`, `is_crowd`) is in `ignored` only."""

    first: RecordPlace  # the first record that has one
    images: int
    boxes: int
    small: int  # by COCO's limits of the area
    medium: int
    large: int
    difficult: int
    ignored: int

    def __add__(self, other: ClassCounts) -> ClassCounts:
        numbers = fields(self)[1:]
        return ClassCounts(
            self.first, *(getattr(self, item.name) + getattr(other, item.name) for item in numbers)
        )


@dataclass(frozen=True, slots=True, eq=False)
class BoxSample:
    """Some boxes of all records, chosen by a hash of their place: any box is as likely as another.

    The same boxes are chosen whatever the order in which records are read and added up.
    """

    hashes: NDArray[np.uint64]  # [k]
    boxes_yxyx_norm: NDArray[np.float32]  # [k, 4]
    image_sizes_hw: NDArray[np.int64]  # [k, 2] pixels of the image that each box is on

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What the records of some files hold, as far as they were looked at."""

    looked_at: int  # records
    without_boxes: int  # records with none but ignored ones
    classes: Mapping[ClassKey, ClassCounts]
    faults: Mapping[str, FaultCounts]  # by kind, in the order of `KINDS`
    box_counts: Mapping[int, int]  # records by their number of boxes, ignored ones included
    fullest: RecordPlace | None  # the first record with the most boxes
    with_masks: int  # records with boxes that have masks
    with_keypoints: int
    image_sizes: Mapping[tuple[int, int], int]  # records by height and width of their image
    sample: BoxSample
    # Of each record that could be read its place, in the order of the files, and what tells one
    # image from another: hashes of the source id (0: empty) and of some of the image's bytes.
    file: NDArray[np.int32]  # [n] number of the file
    record: NDArray[np.int32]  # [n] number in its file
    source_ids: NDArray[np.uint64]  # [n]
    images: NDArray[np.uint64]  # [n]
    # Of all records, looked at or not.
    files: tuple[Path, ...] = ()  # those that could be read
    records: tuple[int, ...] = ()  # in each of the files
    record_bytes: int = 0
    unreadable: tuple[DataError, ...] = ()  # files that could not be read

    @property
    def boxes(self) -> int:
        """All boxes of the records looked at."""
        return sum(boxes * records for boxes, records in self.box_counts.items())

    @property
    def total(self) -> int:
        """Records in the files."""
        return sum(self.records)

    @property
    def mean_record_bytes(self) -> float:
        return self.record_bytes / self.total if self.total else 0.0

    def place(self, number: int) -> RecordPlace:
        """Where a record stands, by its number among those that could be read."""
        return RecordPlace(self.files[self.file[number]], int(self.record[number]))

    def find_repeats(self) -> NDArray[np.int64]:
        """The records with a source id that an earlier one has, by number."""
        order = np.argsort(self.source_ids, kind="stable")
        ids = self.source_ids[order]
        again = (ids[1:] == ids[:-1]) & (ids[1:] != 0)
        return np.sort(order[1:][again])

    def find_common_images(self, other: Survey) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Records whose image is also there, by number: here, and there."""
        _, here, there = np.intersect1d(self.images, other.images, return_indices=True)
        order = np.argsort(here)
        return here[order], there[order]


def merge_surveys(parts: Sequence[Survey]) -> Survey:
    """Add up surveys of records of the same files; of all examples the first ones stay."""
    classes: dict[ClassKey, ClassCounts] = {}
    faults: dict[str, FaultCounts] = {}
    box_counts: Counter[int] = Counter()
    image_sizes: Counter[tuple[int, int]] = Counter()
    fullest: tuple[int, RecordPlace | None] = (-1, None)
    for part in parts:
        for key, of_class in part.classes.items():
            classes[key] = classes[key] + of_class if key in classes else of_class
        for kind, of_kind in part.faults.items():
            faults[kind] = faults[kind] + of_kind if kind in faults else of_kind
        box_counts.update(part.box_counts)
        image_sizes.update(part.image_sizes)
        most = max(part.box_counts, default=-1)
        if most > fullest[0]:
            fullest = most, part.fullest
    return Survey(
        looked_at=sum(part.looked_at for part in parts),
        without_boxes=sum(part.without_boxes for part in parts),
        classes=classes,
        faults={kind: faults[kind] for kind in KINDS if kind in faults},
        box_counts=box_counts,
        fullest=fullest[1],
        with_masks=sum(part.with_masks for part in parts),
        with_keypoints=sum(part.with_keypoints for part in parts),
        image_sizes=image_sizes,
        sample=_merge_samples([part.sample for part in parts]),
        file=_joined([part.file for part in parts], np.int32),
        record=_joined([part.record for part in parts], np.int32),
        source_ids=_joined([part.source_ids for part in parts], np.uint64),
        images=_joined([part.images for part in parts], np.uint64),
    )


def draw_sample(
    hashes: NDArray[np.uint64],
    boxes_yxyx_norm: NDArray[np.float32],
    image_sizes_hw: NDArray[np.int64],
) -> BoxSample:
    """Keep the `SAMPLED_BOXES` boxes of the smallest hashes."""
    kept = np.arange(len(hashes))
    if len(hashes) > SAMPLED_BOXES:
        kept = np.sort(np.argpartition(hashes, SAMPLED_BOXES)[:SAMPLED_BOXES])
    return BoxSample(hashes[kept], boxes_yxyx_norm[kept], image_sizes_hw[kept])


def _merge_samples(samples: list[BoxSample]) -> BoxSample:
    return draw_sample(
        _joined([sample.hashes for sample in samples], np.uint64),
        _joined([sample.boxes_yxyx_norm for sample in samples], np.float32, 4),
        _joined([sample.image_sizes_hw for sample in samples], np.int64, 2),
    )


def _joined(arrays: list[NDArray[Any]], dtype: Any, *shape: int) -> NDArray[Any]:
    """One after another; an empty array where there is none."""
    return np.concatenate([np.zeros((0, *shape), dtype), *arrays])
