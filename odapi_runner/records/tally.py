"""Counting as records go by: a few of them, one after another, into a `Survey`."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from odapi_runner.formats.example import Fields, find_image
from odapi_runner.formats.features import Features
from odapi_runner.formats.image_header import parse_usual_header
from odapi_runner.records.boxes import Boxes, describe_box, find_box_faults, join_boxes
from odapi_runner.records.found import (
    ClassCounts,
    ClassKey,
    FaultCounts,
    RecordFault,
    RecordPlace,
    Survey,
)
from odapi_runner.records.sample import decode_image, parse_image_header

MASK: Final = "image/object/mask"
KEYPOINTS: Final = "image/object/keypoint/x"

# Bytes in the middle and at the end of an image that stand for all of them: few enough for hashlib
# to hash them at once, without letting other threads in.
_TOLD_BY: Final = 1000


@dataclass(slots=True)
class Tally:
    """Takes records of one file, and makes a survey of them."""

    file: int  # its number in the survey
    path: Path
    _looked_at: int = 0
    _numbers: list[int] = field(default_factory=list)  # of the records that could be read
    _fields: list[Fields] = field(default_factory=list)
    _sizes_hw: list[tuple[int, int]] = field(default_factory=list)
    _source_ids: list[int] = field(default_factory=list)
    _images: list[int] = field(default_factory=list)
    _with_masks: int = 0
    _with_keypoints: int = 0
    _faults: dict[str, FaultCounts] = field(default_factory=dict)

    def add_unreadable(self, number: int, why: str) -> None:
        """Count a record that is none."""
        self._looked_at += 1
        self._add_fault("record unreadable", number, "", why)

    def add(self, number: int, features: Features, fields: Fields, *, decode: bool) -> None:
        """Count a record by its features and what they say; its image is looked at here."""
        self._looked_at += 1
        encoded = find_image(features)
        size_hw = fields.height, fields.width
        try:
            format_, *size = _read_image(encoded, decode=decode)
        except ValueError as error:
            self._add_fault("image undecodable", number, fields.source_id, str(error))
        else:
            size_hw = size[0], size[1]
            for kind, words in _image_faults(fields, format_, *size_hw):
                self._add_fault(kind, number, fields.source_id, words)
        boxes = len(fields)
        if not fields.source_id:
            self._add_fault("source id empty", number, "", "image/source_id is empty")
        if boxes and not fields.class_names and not fields.class_ids:
            words = f"{boxes} boxes without class/text and class/label"
            self._add_fault("class missing", number, fields.source_id, words)
        self._numbers.append(number)
        self._fields.append(fields)
        self._sizes_hw.append(size_hw)
        self._source_ids.append(_hash(fields.source_id.encode()) if fields.source_id else 0)
        self._images.append(_hash_of_image(encoded))
        self._with_masks += boxes > 0 and features.has(MASK)
        self._with_keypoints += boxes > 0 and features.has(KEYPOINTS)

    def survey(self) -> Survey:
        """Everything that was added."""
        boxes = join_boxes(self._fields, self._sizes_hw)
        self._add_box_faults(boxes)
        counts = np.array([len(fields) for fields in self._fields], np.int64)
        with_boxes = np.bincount(boxes.image[~boxes.ignored], minlength=len(counts)) > 0
        numbers = np.array(self._numbers, np.int32)
        where = (self.file << 32) + numbers.astype(np.int64)
        fullest = self._place(int(counts.argmax())) if len(counts) else None
        return Survey(
            looked_at=self._looked_at,
            without_boxes=int((~with_boxes).sum()),
            classes=self._count_classes(boxes),
            faults=self._faults,
            box_counts=Counter(counts.tolist()),
            fullest=fullest,
            with_masks=self._with_masks,
            with_keypoints=self._with_keypoints,
            image_sizes=Counter(self._sizes_hw),
            sample=boxes.draw_sample(where),
            file=np.full(len(numbers), self.file, np.int32),
            record=numbers,
            source_ids=np.array(self._source_ids, np.uint64),
            images=np.array(self._images, np.uint64),
        )

    def _place(self, image: int) -> RecordPlace:
        return RecordPlace(self.path, self._numbers[image])

    def _add_fault(
        self,
        kind: str,
        number: int,
        source_id: str,
        words: str,
        *,
        records: int = 1,
        boxes: int = 0,
    ) -> None:
        fault = RecordFault(self.path, number, source_id, kind, words)
        counts = FaultCounts(records, boxes, (fault,))
        self._faults[kind] = self._faults[kind] + counts if kind in self._faults else counts

    def _add_box_faults(self, boxes: Boxes) -> None:
        for kind, found in find_box_faults(boxes).items():
            if found.any():
                box = int(found.argmax())
                image = int(boxes.image[box])
                self._add_fault(
                    kind,
                    self._numbers[image],
                    self._fields[image].source_id,
                    describe_box(kind, boxes, box),
                    records=len(np.unique(boxes.image[found])),
                    boxes=int(found.sum()),
                )

    def _count_classes(self, boxes: Boxes) -> dict[ClassKey, ClassCounts]:
        keys: dict[ClassKey, int] = {}
        of_box = np.array(
            [keys.setdefault(key, len(keys)) for fields in self._fields for key in _keys(fields)],
            np.int64,
        )
        columns = boxes.count_by(of_box, len(keys))
        first = np.unique(of_box, return_index=True)[1]
        return {
            key: ClassCounts(
                self._place(int(boxes.image[first[row]])), *(column[row] for column in columns)
            )
            for key, row in keys.items()
            if key != (None, None)
        }


def _keys(fields: Fields) -> Iterator[ClassKey]:
    """Name and id of the class of each box."""
    none = [None] * len(fields)
    return zip(fields.class_names or none, fields.class_ids or none, strict=True)


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def _hash_of_image(encoded: bytes | memoryview) -> int:
    """A hash that tells images apart without reading all of each: its length and some bytes.

    What is encoded is dense, and PNG ends with checksums of everything.
    """
    middle = len(encoded) // 2
    some = bytes(encoded[middle : middle + _TOLD_BY]) + bytes(encoded[-_TOLD_BY:])
    return _hash(len(encoded).to_bytes(8) + some)


def _read_image(encoded: bytes | memoryview, *, decode: bool) -> tuple[str, int, int]:
    """`png` or `jpeg`, height and width; with `decode` only of an image that decodes as a whole.

    Raises:
        ValueError: no image, of another format, or one that does not decode.
    """
    if decode:
        return decode_image(io.BytesIO(encoded))
    return parse_usual_header(encoded) or parse_image_header(io.BytesIO(encoded))


def _image_faults(
    fields: Fields, format_: str, height: int, width: int
) -> Iterator[tuple[str, str]]:
    """Kind and words where a record says other things of its image than the image does."""
    said = fields.image_format.lower().replace("jpg", "jpeg")
    if said != format_:
        yield "image format", f"image/format is {fields.image_format}, but the image is {format_}"
    if (fields.height or height, fields.width or width) != (height, width):
        size = f"{fields.width}x{fields.height}, but the image is {width}x{height}"
        yield "image size", f"image/width and image/height say {size}"
