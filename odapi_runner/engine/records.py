"""Records by number: where each lies, and what it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from odapi_runner.engine.order import Order
from odapi_runner.engine.spec.input import Input
from odapi_runner.errors import ConfigError, DataError
from odapi_runner.formats.example import Annotated, decode_example
from odapi_runner.formats.groundtruth import kept_boxes
from odapi_runner.formats.label_map import LabelMap, read_label_map
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import RecordIndex, index_records, read_record


class Sample(NamedTuple):
    """One image and its n boxes; numpy when it comes from a record, tensors further on."""

    # encoded; uint8 or float32 [height, width, 3], RGB 0..255, once decoded
    image: bytes | NDArray[np.uint8]
    boxes: NDArray[np.float32]  # [n, 4] (ymin, xmin, ymax, xmax), 0..1 of the image
    classes: NDArray[np.int32]  # [n], from 0
    weights: NDArray[np.float32]  # [n], of the box in the loss
    ignored: NDArray[np.bool_]  # [n], regions rather than objects (`is_crowd`, `group_of`)
    scores: NDArray[np.float32]  # [n, classes], of each class; no columns where they are not read


class Records:
    """The records of one input reader.

    Attributes:
        spec: what the config says of it.
        label_map: its classes.
        order: which record comes next in training.
    """

    def __init__(self, spec: Input, root: Path, *, seed: int = 0) -> None:
        """Find every record.

        Raises:
            ConfigError: weights that say nothing, or are not as many as the patterns.
            DataError: files cannot be read, or a data set is without records.
        """
        self.spec = spec
        self.label_map: LabelMap = read_label_map(root / spec.label_map)
        datasets = _datasets(spec)
        self._files: list[RecordIndex] = []
        taken: list[NDArray[np.int64]] = []
        records = 0
        for patterns, _ in datasets:
            files = [index_records(path) for path in expand_patterns(patterns, root)]
            first, records = records, records + sum(map(len, files))
            self._files += files
            taken.append(np.arange(first, records)[:: spec.sample_1_of_n])
            if first == records:
                raise DataError(
                    f"{', '.join(patterns) or 'input_path is empty'}: no records there",
                    fix="Convert the dataset again: odapi data convert --help",
                )
        self._ends = np.cumsum([len(index) for index in self._files], dtype=np.int64)
        self._taken = np.concatenate(taken)
        weights = [weight for _, weight in datasets]
        self.order = Order(list(map(len, taken)), weights, seed=seed, shuffle=spec.shuffle)

    def __len__(self) -> int:
        return len(self._taken)

    def path_of(self, record: int) -> Path:
        """The file that holds a record."""
        file, _ = self._place(record)
        return self._files[file].path

    def where(self, record: int) -> str:
        """A record as a person finds it: file, and number in it."""
        file, place = self._place(record)
        return f"{self._files[file].path}: record {place}"

    def read(self, record: int) -> Annotated:
        """Raises: DataError where the file changed or the record is broken."""
        file, place = self._place(record)
        return decode_example(read_record(self._files[file], place), self.where(record))

    def sample(self, record: int) -> Sample:
        """A record as training and evaluation use it, its image still encoded.

        Raises:
            DataError: as `read`, and as `build_sample`.
        """
        return self.build_sample(record, self.read(record))

    def build_sample(self, record: int, example: Annotated) -> Sample:
        """What was read of a record: boxes of unknown class and those not finite are left out.

        Raises:
            DataError: a box is inverted, which the Object Detection API stops at, too.
        """
        classes, kept = kept_boxes(example, self.label_map)
        boxes = example.boxes_yxyx_norm[kept]
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
            scores=self._scores(record, example, classes)[kept],
        )

    def _scores(
        self, record: int, example: Annotated, classes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The scores of each box; where a record has none, 1 for the box's class and 0 elsewhere.

        The Object Detection API means the same, but takes the class after the box's there
        (object_detection/inputs.py, `_multiclass_scores_or_one_hot_labels`, gets ids from 1).
        """
        count = self.spec.score_classes
        if example.class_scores is None or not count:
            return (classes[:, None] == np.arange(1, count + 1)).astype(np.float32)
        if example.class_scores.shape[1] != count:
            raise DataError(
                f"{self.where(record)} ({example.source_id}): scores of "
                f"{example.class_scores.shape[1]} classes a box, num_classes is {count}",
                fix="Write image/object/class/multiclass_scores of as many classes, or "
                "-s train_input_reader.load_multiclass_scores=false",
            )
        return example.class_scores

    def _place(self, record: int) -> tuple[int, int]:
        number = int(self._taken[record])
        file = int(np.searchsorted(self._ends, number, side="right"))
        return file, number - int(self._ends[file] - len(self._files[file]))


def _datasets(spec: Input) -> list[tuple[Sequence[str], float]]:
    """The patterns of each data set and its weight; one that weighs nothing is not even looked for.

    Source: object_detection/builders/dataset_builder.py, `read_dataset`.
    """
    weights = spec.weights
    if not weights:
        return [(spec.patterns, 1.0)]
    if len(weights) != len(spec.patterns):
        raise ConfigError(
            f"sample_from_datasets_weights has {len(weights)} values, "
            f"and input_path {len(spec.patterns)} entries",
            fix="Write one weight for each entry, in their order.",
        )
    if not any(weights) or not all(weight >= 0 and math.isfinite(weight) for weight in weights):
        shown = ", ".join(f"{weight:g}" for weight in weights)
        raise ConfigError(
            f"sample_from_datasets_weights are {shown}",
            fix="Write numbers above 0; 0 leaves an entry out.",
        )
    return [
        ((pattern,), weight)
        for pattern, weight in zip(spec.patterns, weights, strict=True)
        if weight > 0
    ]
