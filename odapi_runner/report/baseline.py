"""What a detector that never looks would reach: the mean boxes of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from odapi_runner import coco
from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.formats.example import decode_example
from odapi_runner.formats.groundtruth import box_classes
from odapi_runner.formats.label_map import LabelMap
from odapi_runner.formats.tfrecord import read_records


def constant_prediction(
    train: Sequence[Path], groundtruth: GroundTruth, label_map: LabelMap
) -> dict[str, float]:
    """Metrics of predicting the mean box of each class on every image.

    The mean is that of the corners in shares of the image, over the boxes of the training records
    that are to be found (no crowds, no groups, none without a weight); the score of a class is its
    share of them. A class without a box in training is not predicted.

    Args:
        train: record files of the training set.
        groundtruth: of the evaluation set.
        label_map: the classes of both.

    Returns:
        The twelve numbers by tag.

    Raises:
        DataError: a record cannot be read.
    """
    boxes_yxyx_norm, classes = _read_boxes(train, label_map)
    present, counts = np.unique(classes, return_counts=True)
    means = np.array([boxes_yxyx_norm[classes == number].mean(axis=0) for number in present])
    images = len(groundtruth.sizes_hw)
    # One row for each class on each image: [images, classes, 4], then flat.
    scale = np.tile(groundtruth.sizes_hw, 2)[:, None, :]
    ymin, xmin, ymax, xmax = np.moveaxis(means.reshape(1, -1, 4) * scale, 2, 0)
    boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=2)
    found = Found(
        image=np.repeat(np.arange(images), len(present)),
        boxes_xywh_px=boxes.reshape(-1, 4),
        classes=np.tile(present, images),
        scores=np.tile(counts / max(len(classes), 1), images),
    )
    return coco.evaluate(groundtruth, found)


def _read_boxes(
    train: Sequence[Path], label_map: LabelMap
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes float64 [n, 4] (ymin, xmin, ymax, xmax) in 0..1, and their label map ids [n]."""
    boxes, classes = [np.zeros((0, 4))], [np.zeros(0, np.int64)]
    for path in train:
        for record in read_records(path):
            example = decode_example(record, str(path))
            found = box_classes(example, label_map)
            kept = (found != -1) & ~(example.is_crowd | example.group_of)
            if example.weight is not None:
                kept &= example.weight > 0
            boxes.append(example.boxes_yxyx_norm[kept].astype(np.float64))
            classes.append(found[kept])
    return np.concatenate(boxes), np.concatenate(classes)
