"""What each anchor should have predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.spec.boxes import Matcher, NegativeSquaredDistance, Thresholds
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import assign_targets
from support.configs import small_spec
from support.targets import Dense, dense

# Four quarters of the image, in reading order, and the whole of it.
ANCHORS = tf.constant(
    [
        [0.0, 0.0, 0.5, 0.5],
        [0.0, 0.5, 0.5, 1.0],
        [0.5, 0.0, 1.0, 0.5],
        [0.5, 0.5, 1.0, 1.0],
        [0.0, 0.0, 1.0, 1.0],
    ]
)


@pytest.fixture(scope="module")
def model() -> Ssd:
    return small_spec().model


def assigned(
    model: Ssd,
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    weights: Sequence[float] | None = None,
    ignored: Sequence[bool] | None = None,
) -> Dense:
    """Targets of one image."""
    found = assign_targets(
        model,
        ANCHORS,
        tf.reshape(tf.constant(boxes, tf.float32), [1, -1, 4]),
        tf.constant([classes], tf.int32),
        tf.constant([[1.0] * len(classes) if weights is None else weights], tf.float32),
        tf.constant([[False] * len(classes) if ignored is None else ignored], tf.bool),
    )
    return dense(found, model.num_classes + int(model.background_class))


def test_a_matched_anchor_gets_code_class_and_weight(model: Ssd) -> None:
    """Half the height of the first quarter, at its top: IoU 0.5, so it is matched."""
    found = assigned(model, [[0.0, 0.0, 0.25, 0.5]], [2])

    assert found.match.tolist() == [[0, -1, -1, -1, -1]]
    # Centre 0.125 of 0.5 higher, times 10; half as high: 5 * ln 0.5.
    assert found.codes[0, 0] == pytest.approx([-2.5, 0, 5 * np.log(0.5), 0], abs=1e-5)
    assert not found.codes[0, 1:].any()
    assert found.code_weights.tolist() == [[1, 0, 0, 0, 0]]
    assert found.classes[0].tolist() == [[0, 0, 1], *[[0, 0, 0]] * 4]
    assert found.class_weights.tolist() == [[1, 1, 1, 1, 1]]


def test_the_weight_of_a_box_is_that_of_its_anchor(model: Ssd) -> None:
    """In both losses; what nothing matches counts as a negative has to."""
    lighter = dataclasses.replace(
        model, loss=dataclasses.replace(model.loss, negative_class_weight=0.5)
    )
    found = assigned(lighter, [[0.0, 0.5, 0.5, 1.0]], [0], [0.25])

    assert found.code_weights.tolist() == [[0, 0.25, 0, 0, 0]]
    assert found.class_weights.tolist() == [[0.5, 0.25, 0.5, 0.5, 0.5]]


def test_a_box_of_weight_0_takes_its_anchors_out_and_claims_none(model: Ssd) -> None:
    """The second box would claim the third quarter if it had a weight."""
    found = assigned(
        model, [[0.0, 0.0, 0.5, 0.5], [0.9, 0.0, 1.0, 0.1]], [0, 1], weights=[0.0, 0.0]
    )

    assert found.match.tolist() == [[0, -1, -1, -1, -1]]
    assert found.code_weights.tolist() == [[0, 0, 0, 0, 0]]
    assert found.class_weights.tolist() == [[0, 1, 1, 1, 1]]


def test_anchors_inside_an_ignored_region_are_no_negatives(model: Ssd) -> None:
    """Of the left half of the image: two quarters lie inside, half of the whole does."""
    found = assigned(model, [[0.0, 0.0, 1.0, 0.5]], [0], ignored=[True])

    assert found.match.tolist() == [[-3, -1, -3, -1, -3]]
    assert found.class_weights.tolist() == [[0, 1, 0, 1, 0]]
    assert not found.code_weights.any()


def test_an_object_in_an_ignored_region_is_still_one(model: Ssd) -> None:
    """What a box matches is a positive wherever it lies."""
    found = assigned(
        model, [[0.0, 0.0, 1.0, 0.5], [0.5, 0.0, 1.0, 0.5]], [0, 1], ignored=[True, False]
    )

    assert found.match.tolist() == [[-3, -1, 1, -1, -3]]
    assert found.classes[0, 2].tolist() == [0, 1, 0]


def test_a_threshold_of_0_ignores_what_is_in_a_region_only(model: Ssd) -> None:
    """Not the anchors of another image of the batch, which has a box and no region."""
    low = dataclasses.replace(
        model,
        matcher=Matcher(Thresholds(0.5, 0.0, negatives_below_unmatched=False), force_match=True),
    )
    found = assign_targets(
        low,
        ANCHORS,
        tf.constant([[[0.0, 0.0, 0.5, 0.5]], [[0.5, 0.5, 1.0, 1.0]]]),
        tf.constant([[0], [0]]),
        tf.ones([2, 1]),
        tf.constant([[True], [False]]),
    )

    assert found.match[1].numpy().tolist() == [-1, -1, -1, 0, -1]


def test_without_boxes_every_anchor_is_a_negative(model: Ssd) -> None:
    """Nothing to locate, everything to call background."""
    found = assigned(model, [], [])

    assert found.match.tolist() == [[-1] * 5]
    assert found.class_weights.tolist() == [[1] * 5]
    assert found.codes.shape == (1, 5, 4)
    assert found.classes.shape == (1, 5, 3)
    assert not found.codes.any()


def test_padding_is_no_box(model: Ssd) -> None:
    """An image with one box beside one with two."""
    found = assign_targets(
        model,
        ANCHORS,
        tf.constant([[[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.5, 0.5]] * 2]),
        tf.constant([[1, 0], [2, 2]]),
        tf.constant([[1.0, 0.0], [1.0, 1.0]]),
        tf.zeros([2, 2], tf.bool),
    )
    both = dense(found, model.num_classes)

    alone = assigned(model, [[0.5, 0.5, 1.0, 1.0]], [1])
    for name, of_both, of_one in zip(Dense._fields, both, alone, strict=True):
        assert np.array_equal(of_both[:1], of_one), name
    assert both.match[1].tolist() == [0, -1, -1, -1, -1]


def test_padding_is_no_box_for_any_similarity(model: Ssd) -> None:
    """Distances are below 0, and the padding's to the first quarter is not the least."""
    distance = dataclasses.replace(
        model,
        similarity=NegativeSquaredDistance(),
        matcher=Matcher(Thresholds(-0.1, -0.1, negatives_below_unmatched=True), force_match=True),
    )
    found = assign_targets(
        distance,
        ANCHORS,
        tf.constant([[[0.5, 0.5, 0.9, 1.0], [0.0, 0.0, 0.0, 0.0]]]),
        tf.constant([[1, 0]]),
        tf.constant([[1.0, 0.0]]),
        tf.zeros([1, 2], tf.bool),
    )

    assert found.match.numpy().tolist() == [[-1, -1, -1, 0, -1]]


def test_without_thresholds_every_anchor_is_matched(model: Ssd) -> None:
    """Those inside a region, too, where there is a box; else half inside is enough."""
    every = dataclasses.replace(model, matcher=Matcher(None, force_match=False))
    left, quarter = [0.0, 0.0, 1.0, 0.5], [0.0, 0.5, 0.5, 1.0]
    with_box = assigned(every, [left, quarter], [0, 1], ignored=[True, False])

    assert with_box.match.tolist() == [[1, 1, 1, 1, 1]]
    assert assigned(every, [left], [0], ignored=[True]).match.tolist() == [[-3, -1, -3, -1, -3]]


def test_an_image_without_boxes_has_negatives_only(model: Ssd) -> None:
    """Where the matcher ignores what is below its thresholds, too: there is nothing to ignore.

    Source: argmax_matcher.py, `_match_when_rows_are_empty`.
    """
    thresholds = Thresholds(0.5, 0.4, negatives_below_unmatched=False)
    below = dataclasses.replace(model, matcher=Matcher(thresholds, force_match=False))

    assert assigned(below, [], []).match.tolist() == [[-1] * 5]
    assert assigned(below, [[0.0, 0.0, 0.5, 0.5]], [0]).match.tolist() == [[0, -2, -2, -2, -2]]


def test_confidences_weigh_what_is_said(model: Ssd) -> None:
    """1 for the box's class and "no object" where a box is matched; regions count for nothing."""
    sure = dataclasses.replace(
        model,
        background_class=True,
        loss=dataclasses.replace(model.loss, implicit_weight=0.25),
    )
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 0.5]]
    found = assigned(sure, boxes, [1, 0], weights=[0.5, 1.0], ignored=[False, True])

    assert found.match.tolist() == [[0, -1, -3, -1, -1]]
    assert found.code_weights.tolist() == [[1, 0, 0, 0, 0]]
    assert found.classes[0].tolist() == [[0, 0, 1, 0], *[[1, 0, 0, 0]] * 4]
    assert found.class_weights[0].tolist() == [
        [1, 0.25, 1, 0.25],
        [0.25] * 4,
        [0] * 4,
        [0.25] * 4,
        [0.25] * 4,
    ]


@pytest.mark.parametrize("background", [False, True])
def test_scores_are_wanted_as_they_are(model: Ssd, background: bool) -> None:
    """Of the matched box; behind that of "no object", which is 1 where nothing is matched."""
    some = dataclasses.replace(model, background_class=background, background_as_zeros=False)
    found = assign_targets(
        some,
        ANCHORS,
        tf.constant([[[0.5, 0.0, 1.0, 0.5]]]),
        tf.constant([[[0.7, 0.2, 0.1]]]),
        tf.ones([1, 1]),
        tf.zeros([1, 1], tf.bool),
    )
    nothing = [float(background), 0.0, 0.0, 0.0][: 3 + background]

    assert found.classes.numpy()[0, 2] == pytest.approx([0.0] * background + [0.7, 0.2, 0.1])
    assert found.classes.numpy()[0, [0, 1, 3, 4]].tolist() == [nothing] * 4
