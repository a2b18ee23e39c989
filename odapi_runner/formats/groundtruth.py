"""From decoded records to the groundtruth of an evaluation, by the Object Detection API's rules.

Source: object_detection/data_decoders/tf_example_decoder.py (classes), inputs.py and utils/ops.py
(what is removed, how many are kept), metrics/coco_evaluation.py and coco_tools.py (images, area).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odapi_runner.errors import DataError
from odapi_runner.formats.detections import GroundTruth
from odapi_runner.formats.example import Annotated
from odapi_runner.formats.label_map import LabelMap

DEFAULT_MAX_BOXES = 100  # input_reader.max_number_of_boxes


@dataclass(frozen=True, slots=True)
class BuiltGroundTruth:
    """Groundtruth, and what of the records became its images."""

    groundtruth: GroundTruth
    records: NDArray[np.int64]  # [images] number of the record, from 0, that each image came from
    duplicates: tuple[str, ...]  # source ids that came again: those records are left out


@dataclass(frozen=True, slots=True)
class _Image:
    source_id: str
    size_hw: tuple[int, int]
    boxes_xywh_px: NDArray[np.float32]  # [n, 4]
    classes: NDArray[np.int64]  # [n]
    is_crowd: NDArray[np.bool_]  # [n]
    area: NDArray[np.float32]  # [n]
    difficult: NDArray[np.bool_]  # [n]


def build_groundtruth(
    examples: Iterable[Annotated], label_map: LabelMap, *, max_boxes: int = DEFAULT_MAX_BOXES
) -> BuiltGroundTruth:
    """The groundtruth of all records, each image once.

    Of an image, boxes of unknown class or that are not finite are removed, and then the first
    `max_boxes` are kept. A box with `is_crowd` or `group_of` is a crowd of its class: the OD API's
    evaluator looks at `is_crowd` alone, and so punishes what is found in a group. The area is the
    record's where it gives one, else the box's (the OD API's TF2 loop always takes the box's).

    Records with a source id that came before are left out; an empty one is nobody's and never a
    duplicate, as there.

    Raises:
        DataError: a record says no size and its image cannot be read.
    """
    images: list[_Image] = []
    records: list[int] = []
    duplicates: list[str] = []
    seen: set[str] = set()
    for number, example in enumerate(examples):
        if example.source_id and example.source_id in seen:
            duplicates.append(example.source_id)
            continue
        seen.add(example.source_id)
        records.append(number)
        images.append(_build_image(example, label_map, max_boxes))
    return BuiltGroundTruth(
        _join(images, label_map), np.array(records, np.int64), tuple(duplicates)
    )


def box_classes(example: Annotated, label_map: LabelMap) -> NDArray[np.int64]:
    """The label map id of each box, int64 [n]; -1 where the label map has none for it.

    The names decide; the ids are looked at only where the record has no names.
    """
    if example.class_names:
        found = [label_map.id_of(name) for name in example.class_names]
        return np.array([-1 if number is None else number for number in found], np.int64)
    unlabelled = np.full(len(example.boxes_yxyx_norm) - len(example.class_ids), -1)
    ids = np.concatenate([example.class_ids, unlabelled]).astype(np.int64)
    return np.where(np.isin(ids, label_map.ids()), ids, -1)


def kept_boxes(
    example: Annotated, label_map: LabelMap
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The class of each box as `box_classes` has it, and which boxes count, bool [n].

    Those do that are of a known class and finite.
    """
    classes = box_classes(example, label_map)
    return classes, (classes > 0) & np.isfinite(example.boxes_yxyx_norm).all(axis=1)


def _build_image(example: Annotated, label_map: LabelMap, max_boxes: int) -> _Image:
    classes, counts = kept_boxes(example, label_map)
    kept = np.flatnonzero(counts)[:max_boxes]
    height, width = size_hw = _size_hw(example)
    scale = np.array([height, width, height, width], np.float32)
    ymin, xmin, ymax, xmax = (example.boxes_yxyx_norm[kept] * scale).T
    boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)
    area = example.area[kept]
    return _Image(
        source_id=example.source_id,
        size_hw=size_hw,
        boxes_xywh_px=boxes,
        classes=classes[kept],
        is_crowd=(example.is_crowd | example.group_of)[kept],
        area=np.where(area > 0, area, boxes[:, 2] * boxes[:, 3]),
        difficult=example.difficult[kept],
    )


def _size_hw(example: Annotated) -> tuple[int, int]:
    """The image's size; where the record does not say, from the head of the image itself."""
    if example.height and example.width:
        return example.height, example.width
    from PIL import Image

    try:
        with Image.open(io.BytesIO(example.encoded)) as image:
            return image.height, image.width
    except OSError as error:
        what = f'the image of record "{example.source_id}" cannot be read'
        raise DataError(what, fix="odapi data inspect names the records at fault.") from error


def _join(images: list[_Image], label_map: LabelMap) -> GroundTruth:
    counts = [len(image.classes) for image in images]

    def joined(name: str, empty: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([empty, *(getattr(image, name) for image in images)])

    return GroundTruth(
        source_ids=np.array([image.source_id for image in images], np.str_),
        sizes_hw=np.array([image.size_hw for image in images], np.int64).reshape(-1, 2),
        image=np.repeat(np.arange(len(images), dtype=np.int64), counts),
        boxes_xywh_px=joined("boxes_xywh_px", np.zeros((0, 4))).astype(np.float64),
        classes=joined("classes", np.zeros(0, np.int64)).astype(np.int64),
        is_crowd=joined("is_crowd", np.zeros(0, np.bool_)).astype(np.bool_),
        area=joined("area", np.zeros(0)).astype(np.float64),
        class_ids=np.array(label_map.ids(), np.int64),
        class_names=np.array(label_map.display_names(), np.str_),
        difficult=joined("difficult", np.zeros(0, np.bool_)).astype(np.bool_),
    )
