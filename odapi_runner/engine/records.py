"""Records by number: which one comes next, and what it holds, without any iterator to save.

Example number e of a training is record `permutation(epoch)[e mod n]` of epoch e // n, and each
permutation is a function of (seed, epoch): a resumed run needs its step and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odapi_runner.engine.spec.input import Input
from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, decode_example
from odapi_runner.formats.groundtruth import box_classes
from odapi_runner.formats.label_map import LabelMap, read_label_map
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import index_records, read_record


class Sample(NamedTuple):
    """One image and its n boxes; numpy when it comes from a record, tensors further on."""

    image: bytes  # encoded; uint8 or float32 [height, width, 3], RGB 0..255, once decoded
    boxes: NDArray[np.float32]  # [n, 4] (ymin, xmin, ymax, xmax), 0..1 of the image
    classes: NDArray[np.int32]  # [n], from 0
    weights: NDArray[np.float32]  # [n], of the box in the loss
    ignored: NDArray[np.bool_]  # [n], regions rather than objects (`is_crowd`, `group_of`)


class Records:
    """The records of one input reader."""

    def __init__(self, spec: Input, root: Path, *, seed: int = 0) -> None:
        self.label_map: LabelMap = read_label_map(root / spec.label_map)
        self._files = [index_records(path) for path in expand_patterns(spec.patterns, root)]
        self._ends = np.cumsum([len(index) for index in self._files], dtype=np.int64)
        self._taken = np.arange(sum(map(len, self._files)))[:: spec.sample_1_of_n]
        self._shuffle = spec.shuffle
        self._seed = seed
        if not len(self._taken):
            raise DataError(
                f"{', '.join(spec.patterns) or 'input_path is empty'}: no records there",
                fix="Convert the dataset again: odapi data convert --help",
            )
        self._permutation = lru_cache(maxsize=4)(self._make_permutation)

    def __len__(self) -> int:
        return len(self._taken)

    def training_record(self, example: int) -> int:
        """The record of a training's example number."""
        epoch, place = divmod(example, len(self))
        return int(self._permutation(epoch)[place] if self._shuffle else place)

    def _make_permutation(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self._seed, epoch)).permutation(len(self))

    def where(self, record: int) -> str:
        """A record as a person finds it: file, and number in it."""
        file, place = self._place(record)
        return f"{self._files[file].path}: record {place}"

    def read(self, record: int) -> Annotated:
        """Raises: DataError where the file changed or the record is broken."""
        file, place = self._place(record)
        return decode_example(read_record(self._files[file], place), self.where(record))

    def sample(self, record: int) -> Sample:
        """A record as training and evaluation use it: boxes of unknown class and NaNs left out.

        Raises:
            DataError: a box is inverted, which the Object Detection API stops at, too.
        """
        example = self.read(record)
        classes = box_classes(example, self.label_map)
        boxes = example.boxes_yxyx_norm
        kept = (classes > 0) & ~np.isnan(boxes).any(axis=1)
        boxes = boxes[kept]
        if (boxes[:, :2] > boxes[:, 2:]).any():
            raise DataError(
                f"{self.where(record)} ({example.source_id}): a box ends before it begins",
                fix="See all faults: odapi data inspect, then convert the dataset again.",
            )
        weights = np.ones(len(classes), np.float32) if example.weight is None else example.weight
        return Sample(
            image=example.encoded,
            boxes=boxes,
            classes=(classes[kept] - 1).astype(np.int32),
            weights=weights[kept],
            ignored=(example.is_crowd | example.group_of)[kept],
        )

    def _place(self, record: int) -> tuple[int, int]:
        number = int(self._taken[record])
        file = int(np.searchsorted(self._ends, number, side="right"))
        return file, number - int(self._ends[file] - len(self._files[file]))
