"""The constant prediction, worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.detections import GroundTruth
from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import LabelMap, build_label_map
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.metrics import COCO_METRICS, COLUMN_OF_TAG
from odapi_runner.report.baseline import constant_prediction

LABELS = build_label_map(("car", "person"))


def build_example(boxes: list[list[float]], names: tuple[str, ...], **values: Any) -> Annotated:
    """A record of 100 x 200 px (height, width)."""
    count = len(boxes)
    given: dict[str, Any] = {
        "source_id": "",
        "filename": "a.png",
        "height": 100,
        "width": 200,
        "encoded": b"\x89PNG\r\n\x1a\n",
        "image_format": "png",
        "boxes_yxyx_norm": np.array(boxes, np.float32).reshape(-1, 4),
        "class_names": names,
        "class_ids": np.zeros(0, np.int64),
        "truncated": np.zeros(count, np.float32),
        "area": np.zeros(count, np.float32),
    }
    given |= {name: np.zeros(count, bool) for name in ("is_crowd", "difficult", "group_of")}
    return Annotated(**(given | values))


def predict(folder: Path, train: list[Annotated], truth: GroundTruth) -> dict[str, float]:
    path = folder / "train.record"
    with RecordWriter(path) as writer:
        for example in train:
            writer.write(encode_example(example))
    metrics = constant_prediction([path], truth, LABELS)
    return {COLUMN_OF_TAG[tag]: value for tag, value in metrics.items()}


def truth_of(*examples: Annotated, label_map: LabelMap = LABELS) -> GroundTruth:
    return build_groundtruth(examples, label_map).groundtruth


def test_the_mean_box_is_predicted_in_pixels_of_each_image(tmp_path: Path) -> None:
    """Cars at 0..0.5 and 0..1 give 0..0.75; on 100 x 200 and 400 x 400 px it is found exactly.

    A person is never in training: what is not predicted halves the mean over the two classes.
    """
    train = [build_example([[0, 0, 0.5, 0.5], [0, 0, 1, 1]], ("car", "car"))]
    found = [[0, 0, 0.75, 0.75]]
    cars = [build_example(found, ("car",)), build_example(found, ("car",), height=400, width=400)]

    only_cars = predict(tmp_path, train, truth_of(*cars))
    with_person = predict(tmp_path, train, truth_of(*cars, build_example(found, ("person",))))

    assert only_cars["mAP"] == pytest.approx(1)
    # The car predicted on the third image is wrong, at the same score as the two that are right
    # and after them; so the car's precision stays 1, and the person's is 0.
    assert with_person["mAP"] == pytest.approx(0.5)


def test_what_is_not_to_be_found_does_not_shift_the_mean(tmp_path: Path) -> None:
    """Crowds, groups, boxes of weight 0 and of unknown class are left out of the mean."""
    boxes = [[0, 0, 0.5, 0.5], *[[0.5, 0.5, 1, 1]] * 4]
    train = build_example(
        boxes,
        ("car", "car", "car", "car", "tram"),
        is_crowd=np.array([False, True, False, False, False]),
        group_of=np.array([False, False, True, False, False]),
        weight=np.array([1, 1, 1, 0, 1], np.float32),
    )

    metrics = predict(tmp_path, [train], truth_of(build_example([boxes[0]], ("car",))))

    assert metrics["mAP"] == pytest.approx(1)


def test_boxes_that_lie_apart_are_not_reached_by_their_mean(tmp_path: Path) -> None:
    """Two corners of the image: the mean box in the middle overlaps neither by half."""
    corners = [[0, 0, 0.25, 0.25], [0.75, 0.75, 1, 1]]
    example = build_example(corners, ("car", "car"))

    metrics = predict(tmp_path, [example], truth_of(example))

    assert metrics["mAP_50"] == 0


def test_nothing_to_learn_from_predicts_nothing(tmp_path: Path) -> None:
    """An empty training set scores 0 where there is something to be found."""
    truth = truth_of(build_example([[0, 0, 1, 1]], ("car",)))

    metrics = predict(tmp_path, [], truth)

    assert metrics["mAP"] == 0
    assert len(metrics) == len(COCO_METRICS)
