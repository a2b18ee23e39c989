"""From predictions to detections."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.ssd.detect import Detected, detect
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.spec import Ssd
from support.configs import small_spec


@pytest.fixture(scope="module")
def model() -> Ssd:
    """Two classes, an input of 128 px, scores as they are predicted."""
    model = small_spec("num_classes=2").model
    return dataclasses.replace(
        model,
        scores=dataclasses.replace(model.scores, converter="IDENTITY"),
        nms=dataclasses.replace(model.nms, score_threshold=0.1, iou_threshold=0.5),
    )


def limited(model: Ssd, **changes: Any) -> Ssd:
    return dataclasses.replace(model, nms=dataclasses.replace(model.nms, **changes))


def found(
    model: Ssd,
    boxes: Sequence[Sequence[float]],
    scores: Sequence[Sequence[float]],
    shape_hw: tuple[int, int] = (128, 128),
) -> Detected:
    """Of one image, whose predicted boxes are its anchors: codes of 0."""
    predictions = Predictions(
        codes=tf.zeros([1, len(boxes), 4]),
        logits=tf.constant([scores], tf.float32),
        anchors=tf.constant(boxes, tf.float32),
        feature_maps=[],
    )
    detected = detect(model, predictions, tf.constant([shape_hw]), tf.constant([128, 128]))
    return Detected(*(np.asarray(value)[0] for value in detected))


def rows(detected: Detected) -> list[tuple[list[float], int, float]]:
    return [
        ([round(float(value), 4) for value in box], int(kind), round(float(score), 4))
        for box, kind, score in list(
            zip(detected.boxes, detected.classes, detected.scores, strict=True)
        )[: detected.count]
    ]


WHOLE = [0.0, 0.0, 1.0, 1.0]
HIGH = [0.0, 0.0, 0.75, 1.0]  # IoU 0.75 with the whole
HALF = [0.0, 0.0, 0.5, 1.0]  # IoU 0.5


def test_the_best_of_overlapping_boxes_of_a_class_is_left(model: Ssd) -> None:
    """More than the threshold is too much; the other class is another matter."""
    detected = found(model, [HALF, HIGH, WHOLE], [[0.7, 0.0], [0.8, 0.3], [0.9, 0.0]])

    assert rows(detected) == [(WHOLE, 0, 0.9), (HALF, 0, 0.7), (HIGH, 1, 0.3)]


def test_scores_at_the_threshold_are_no_detections(model: Ssd) -> None:
    """They have to be above it."""
    detected = found(limited(model, score_threshold=0.5), [WHOLE, HALF], [[0.5, 0.0], [0.75, 0.0]])

    assert rows(detected) == [(HALF, 0, 0.75)]


def test_suppression_sees_boxes_unclipped(model: Ssd) -> None:
    """Clipped they are the same; before, one is three times the other: IoU 1/3."""
    beyond = [-1.0, 0.0, 0.5, 1.0]

    detected = found(model, [beyond, HALF], [[0.9, 0.0], [0.8, 0.0]])

    assert rows(detected) == [(HALF, 0, 0.9), (HALF, 0, 0.8)]


def test_a_box_outside_the_image_suppresses_and_is_dropped(model: Ssd) -> None:
    """First the suppression (IoU 1 / 1.1), then the clipping: nothing is left."""
    outside, mostly = [-1.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.1, 1.0]

    assert rows(found(model, [outside, mostly], [[0.9, 0.0], [0.8, 0.0]])) == []
    assert rows(found(model, [outside, mostly], [[0.8, 0.0], [0.9, 0.0]])) == [
        ([0.0, 0.0, 0.1, 1.0], 0, 0.9)
    ]


QUARTERS = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5]]


def test_what_is_dropped_takes_no_place_of_the_limit(model: Ssd) -> None:
    """The limit over all classes comes last."""
    outside = [1.5, 0.0, 2.0, 1.0]

    detected = found(limited(model, max_total=1), [outside, QUARTERS[0]], [[0.9, 0.0], [0.8, 0.0]])

    assert rows(detected) == [(QUARTERS[0], 0, 0.8)]


def test_limits_by_class_and_in_all(model: Ssd) -> None:
    """The best two of a class, then the best three of all, best first."""
    scores = [[0.3, 0.4], [0.7, 0.2], [0.5, 0.6]]

    by_class = rows(found(limited(model, max_per_class=2), QUARTERS, scores))
    in_all = rows(found(limited(model, max_per_class=2, max_total=3), QUARTERS, scores))

    assert [(kind, score) for _, kind, score in by_class] == [
        (0, 0.7), (1, 0.6), (0, 0.5), (1, 0.4),
    ]  # fmt: skip
    assert in_all == by_class[:3]


def test_what_is_not_there_is_0(model: Ssd) -> None:
    """Rows beyond the count hold nothing."""
    detected = found(model, QUARTERS, [[0.9, 0.0], [0.0, 0.0], [0.0, 0.0]])

    assert detected.count == 1
    assert len(detected.boxes) == len(detected.scores) == len(detected.classes) > 1
    assert not detected.boxes[1:].any()
    assert not detected.scores[1:].any()
    assert not detected.classes[1:].any()


def test_boxes_are_in_units_of_the_image_inside_the_padding(model: Ssd) -> None:
    """An image of 64 x 128 px in the upper half; below it there is nothing to find."""
    detected = found(
        model,
        [[0.25, 0.25, 0.75, 0.5], [0.5, 0.0, 1.0, 1.0]],
        [[0.9, 0.0], [0.8, 0.0]],
        shape_hw=(64, 128),
    )

    assert rows(detected) == [([0.5, 0.25, 1.0, 0.5], 0, 0.9)]


def test_scores_are_sigmoids_of_scaled_logits(model: Ssd) -> None:
    """A logit of ln 9 and a scale of 2: the sigmoid of ln 3."""
    scores = dataclasses.replace(model.scores, converter="SIGMOID", logit_scale=2.0)
    spec = dataclasses.replace(model, scores=scores)

    detected = found(spec, [WHOLE], [[math.log(9), -50.0]])

    assert rows(detected) == [(WHOLE, 0, 0.75)]


def test_codes_are_decoded(model: Ssd) -> None:
    """A code of 10 moves a box down by its height."""
    predictions = Predictions(
        codes=tf.constant([[[10.0, 0.0, 0.0, 0.0]]]),
        logits=tf.constant([[[0.9, 0.0]]]),
        anchors=tf.constant([[0.0, 0.0, 0.25, 0.5]]),
        feature_maps=[],
    )
    detected = detect(model, predictions, tf.constant([[128, 128]]), tf.constant([128, 128]))

    assert detected.boxes[0, 0].numpy() == pytest.approx([0.25, 0.0, 0.5, 0.5], abs=1e-6)
