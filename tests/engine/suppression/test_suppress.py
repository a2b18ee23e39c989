"""Suppression: the Object Detection API's figures, and a plain loop for what is only faster."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.detector import Detected
from odapi_runner.engine.spec.suppression import Nms, Scores
from odapi_runner.engine.suppression import suppress as suppress_module
from odapi_runner.engine.suppression.scores import Scored, score_anchors
from odapi_runner.engine.suppression.suppress import suppress

NMS = Nms(
    score_threshold=0.1,
    iou_threshold=0.3,
    max_per_class=3,
    max_total=7,
    class_agnostic=False,
    soft_sigma=0.0,
    static_shapes=False,
    combined=False,
    image_frame=True,
)
AS_PREDICTED = Scores("IDENTITY", 1.0, 1.0, None, ())
WINDOW = [[0.0, 0.0, 0.75, 1.0]]

# Twelve anchors and three classes, on a grid, so that many scores are equal.
BOXES = np.array(
    [[4, 6, 9, 9], [6, 3, 8, 8], [6, 6, 11, 11], [6, -1, 11, 2], [2, 3, 6, 8], [1, 2, 5, 7],
     [4, 5, 8, 7], [3, 0, 6, 4], [4, 5, 7, 9], [0, 3, 3, 8], [1, 6, 3, 10], [-1, 2, 1, 4]],
    np.float32,
) / 8  # fmt: skip
SCORES = np.array(
    [[4, 4, 4], [4, 7, 4], [3, 8, 7], [3, 1, 2], [1, 4, 5], [5, 8, 8],
     [4, 5, 0], [2, 8, 8], [0, 4, 4], [6, 1, 4], [3, 1, 7], [6, 1, 6]],
    np.float32,
) / 8  # fmt: skip

# (class, score, ymin) of each detection, in order: what `batch_multiclass_non_max_suppression` of
# object_detection/core/post_processing.py returns for these boxes, scores and this window.
HARD = [
    (1, 1.0, 0.1667), (1, 1.0, 0.5), (2, 1.0, 0.1667), (2, 1.0, 0.5), (0, 0.75, 0.0),
    (0, 0.75, 0.0), (0, 0.625, 0.1667),
]  # fmt: skip
AGNOSTIC = [
    (1, 1.0, 0.1667), (1, 1.0, 0.5), (2, 0.875, 0.1667), (0, 0.75, 0.0), (0, 0.75, 0.0),
]  # fmt: skip
REFERENCE = {
    "by class": ({}, HARD),
    "class agnostic": ({"class_agnostic": True}, AGNOSTIC),
    "soft": (
        {"soft_sigma": 0.5},
        [(1, 1.0, 0.1667), (2, 1.0, 0.1667), (1, 0.9798, 0.5), (2, 0.9798, 0.5), (0, 0.75, 0.0),
         (0, 0.7477, 0.0), (0, 0.5725, 0.1667)],
    ),
    "soft, class agnostic": (
        {"soft_sigma": 0.5, "class_agnostic": True, "score_threshold": 0.3},
        [(1, 1.0, 0.1667), (1, 0.9798, 0.5), (2, 0.8698, 0.1667), (0, 0.75, 0.0),
         (0, 0.6552, 0.0)],
    ),
    "static": ({"static_shapes": True}, HARD),
    "static, class agnostic": ({"static_shapes": True, "class_agnostic": True}, AGNOSTIC),
    "frame of the input": (
        {"image_frame": False},
        [(1, 1.0, 0.125), (1, 1.0, 0.375), (2, 1.0, 0.125), (2, 1.0, 0.375), (0, 0.75, 0.0),
         (0, 0.75, 0.0), (0, 0.625, 0.125)],
    ),
    # Boxes below the window are kept, without a height.
    "combined": (
        {"combined": True, "image_frame": False},
        [(1, 1.0, 0.75), (1, 1.0, 0.125), (1, 1.0, 0.375), (2, 1.0, 0.125), (2, 1.0, 0.375),
         (2, 0.875, 0.75), (0, 0.75, 0.0)],
    ),
}  # fmt: skip


def found(nms: Nms, boxes: np.ndarray, scores: np.ndarray, window: Any = WINDOW) -> Detected:
    """Of one image."""
    scored = score_anchors(AS_PREDICTED, tf.constant(scores[None]), background=False)
    detected = suppress(nms, scored, tf.constant(boxes[None]), tf.constant(window))
    return Detected(*(value.numpy()[0] for value in detected))


@pytest.fixture(params=[1, 8], ids=["one pair for a detection", "eight"])
def first_look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many pairs are looked at first makes no difference."""
    monkeypatch.setattr(suppress_module, "_FIRST_LOOK", request.param)
    monkeypatch.setattr(suppress_module, "_GROWTH", 2)


@pytest.mark.usefixtures("first_look")
@pytest.mark.parametrize(("changes", "expected"), REFERENCE.values(), ids=REFERENCE)
def test_what_is_left_is_what_the_reference_leaves(
    changes: dict[str, Any], expected: list[tuple[int, float, float]]
) -> None:
    """In its order: of equal scores the lower class comes first, then the earlier anchor."""
    detected = found(dataclasses.replace(NMS, **changes), BOXES, SCORES)
    rows = zip(detected.classes, detected.scores, detected.boxes[:, 0], strict=True)

    assert [
        (int(name), round(float(score), 4), round(float(ymin), 4)) for name, score, ymin in rows
    ][: detected.count] == expected
    assert detected.boxes.shape == (7, 4)


@pytest.mark.parametrize(("static", "count"), [(False, 2), (True, 1)])
def test_an_overlap_of_the_threshold_is_enough_with_static_shapes_only(
    static: bool, count: int
) -> None:
    """The Object Detection API's counts, for an IoU of exactly 0.5."""
    nms = dataclasses.replace(NMS, iou_threshold=0.5, static_shapes=static)
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1]], np.float32)

    assert found(nms, boxes, np.array([[0.9], [0.8]], np.float32)).count == count


def test_a_negative_score_is_no_detection() -> None:
    """Though it is above the threshold; unless by `use_combined_nms`."""
    nms = dataclasses.replace(NMS, score_threshold=-2.0)
    boxes, scores = BOXES[[4, 11]], np.array([[0.0], [-1.0]], np.float32)
    combined = dataclasses.replace(nms, combined=True)

    assert found(nms, boxes, scores).count == 1
    assert found(combined, boxes, scores).count == 2


def test_most_anchors_are_never_scored() -> None:
    """Where the best eight pairs for each detection leave enough."""
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 0.9, [2, 4000, 2])
    boxes = tf.constant(np.concatenate([low, low + 0.05], axis=-1), tf.float32)
    scored = score_anchors(
        AS_PREDICTED, tf.constant(generator.uniform(0, 1, [2, 4000, 5]), tf.float32),
        background=False,
    )  # fmt: skip
    asked = []

    def counted(anchors: tf.Tensor) -> tf.Tensor:
        asked.append(anchors.shape[1])
        return scored.of(anchors)

    whole = tf.constant([[0.0, 0.0, 1.0, 1.0]] * 2)
    nms = dataclasses.replace(NMS, max_per_class=100, max_total=100)
    detected = suppress(nms, scored._replace(of=counted), boxes, whole)

    assert detected.count.numpy().tolist() == [100, 100]
    assert asked == [800]


def plain(nms: Nms, boxes: np.ndarray, scores: np.ndarray) -> list[tuple[int, int]]:
    """(class, anchor) of each detection, by the shortest loop that says what is meant."""
    num_classes = scores.shape[1]
    pairs = [(name, anchor) for name in range(num_classes) for anchor in range(len(boxes))]
    pairs.sort(key=lambda pair: -scores[pair[1], pair[0]])  # stable
    kept: list[tuple[int, int]] = []
    for name, anchor in pairs:
        same = [other for one, other in kept if one == name]
        free = all(overlap(boxes[anchor], boxes[other]) <= nms.iou_threshold for other in same)
        if scores[anchor, name] > nms.score_threshold and free and len(same) < nms.max_per_class:
            kept.append((name, anchor))
    window = np.float32(WINDOW[0])
    inside = [
        pair for pair in kept if (np.minimum(boxes[pair[1], 2:], window[2:])
                                  > np.maximum(boxes[pair[1], :2], window[:2])).all()
    ]  # fmt: skip
    return inside[: nms.max_total]


def overlap(box: np.ndarray, other: np.ndarray) -> np.float32:
    sides = np.maximum(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0)
    shared = sides.prod()
    return shared / ((box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod() - shared)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    anchors=st.integers(1, 40),
    classes=st.integers(1, 4),
    levels=st.sampled_from([2, 8, 1000]),
    per_class=st.integers(1, 6),
    total=st.integers(1, 12),
)
def test_looking_at_the_best_first_changes_nothing(
    seed: int, anchors: int, classes: int, levels: int, per_class: int, total: int
) -> None:
    """Whatever the scores, equal ones too, it is what the plain loop over all pairs leaves."""
    generator = np.random.default_rng(seed)
    low = generator.integers(-2, 8, [anchors, 2])
    boxes = np.concatenate([low, low + generator.integers(1, 5, [anchors, 2])], axis=1)
    boxes = (boxes / 8).astype(np.float32)
    scores = (generator.integers(0, levels, [anchors, classes]) / levels).astype(np.float32)
    nms = dataclasses.replace(
        NMS, max_per_class=per_class, max_total=total, image_frame=False, score_threshold=0.0
    )
    expected = plain(nms, boxes, scores)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(suppress_module, "_FIRST_LOOK", 1)
        patched.setattr(suppress_module, "_GROWTH", 2)
        detected = found(nms, boxes, scores)

    window = np.float32(WINDOW[0])
    clipped = np.clip(boxes, np.tile(window[:2], 2), np.tile(window[2:], 2))
    assert detected.count == len(expected)
    assert detected.classes[: detected.count].tolist() == [name for name, _ in expected]
    np.testing.assert_array_equal(
        detected.boxes[: detected.count],
        clipped[[anchor for _, anchor in expected]].reshape(-1, 4),
    )


def test_scores_of_logits_that_hardly_differ_keep_their_order() -> None:
    """Sigmoids that are equal though their logits are not come by class and anchor."""
    logits = np.array([[20.0, 30.0], [40.0, 20.0], [50.0, 19.0]], np.float32)
    scored: Scored = score_anchors(
        Scores("SIGMOID", 1.0, 1.0, None, ()), tf.constant(logits[None]), background=False
    )
    nms = dataclasses.replace(NMS, max_total=1, image_frame=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(suppress_module, "_FIRST_LOOK", 1)
        detected = suppress(nms, scored, tf.constant(BOXES[None, [4, 7, 11]]), tf.constant(WINDOW))

    assert detected.scores.numpy().tolist() == [[1.0]]
    np.testing.assert_array_equal(detected.boxes[0, 0], BOXES[4])
