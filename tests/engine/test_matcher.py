"""Which box each anchor answers for."""

from __future__ import annotations

import pytest
import tensorflow as tf

from odapi_runner.engine.matcher import match_anchors
from odapi_runner.engine.spec.boxes import Matcher, Thresholds

HALF = Thresholds(0.5, 0.5, negatives_below_unmatched=True)
PLAIN = Matcher(HALF, force_match=False)
FORCED = Matcher(HALF, force_match=True)


def matched(similarity: list[list[float]], spec: Matcher, valid: list[bool] | None = None) -> list:
    """Of one image: rows are boxes, columns anchors."""
    rows = [True] * len(similarity) if valid is None else valid
    values = tf.constant(similarity, tf.float32)
    return match_anchors(values, tf.constant(rows), spec).numpy().tolist()


def test_each_anchor_takes_the_box_it_is_most_like() -> None:
    """At the threshold it is matched, below it is not; of equals the first box is taken."""
    similarity = [
        [0.6, 0.5, 0.49, 0.7, 0.0],
        [0.7, 0.1, 0.20, 0.7, 0.0],
    ]

    assert matched(similarity, PLAIN) == [1, 0, -1, 0, -1]


@pytest.mark.parametrize(
    ("negatives_below_unmatched", "expected"), [(True, [0, -2, -2, -1]), (False, [0, -1, -1, -2])]
)
def test_between_the_thresholds_anchors_are_ignored(
    negatives_below_unmatched: bool, expected: list[int]
) -> None:
    """From the lower one on; the other way round where the config says so."""
    spec = Matcher(Thresholds(0.7, 0.3, negatives_below_unmatched), force_match=False)

    assert matched([[0.7, 0.6, 0.3, 0.29]], spec) == expected


def test_each_box_claims_an_anchor() -> None:
    """The one most like it, the first of equals, even of an anchor that matched another box."""
    similarity = [
        [0.9, 0.6, 0.0],
        [0.8, 0.1, 0.2],  # claims anchor 0, though that is more like the first box
        [0.1, 0.3, 0.3],  # claims anchor 1, the first of two
    ]

    assert matched(similarity, PLAIN) == [0, 0, -1]
    assert matched(similarity, FORCED) == [0, 2, -1]


def test_of_several_boxes_that_claim_an_anchor_the_first_wins() -> None:
    """The other boxes are left without one."""
    similarity = [[0.1, 0.2], [0.1, 0.3], [0.0, 0.4]]

    assert matched(similarity, FORCED) == [-1, 0]


def test_boxes_that_are_not_valid_claim_nothing() -> None:
    """Yet they match by their likeness: such anchors count with the box's weight, 0."""
    similarity = [[0.9, 0.0, 0.2], [0.0, 0.0, 0.3]]

    assert matched(similarity, FORCED, [False, True]) == [0, -1, 1]
    assert matched(similarity, FORCED, [False, False]) == [0, -1, -1]


def test_a_box_like_no_anchor_claims_the_first() -> None:
    """As in the Object Detection API: the first of equals is the first of all."""
    assert matched([[0.0, 0.0, 0.0]], FORCED) == [0, -1, -1]


def test_without_thresholds_the_best_box_is_taken_however_unlike() -> None:
    """The first of equals; a box still claims its anchor."""
    similarity = [[0.0, 0.1, 0.0], [0.0, 0.2, 0.1], [0.0, 0.3, 0.0]]

    assert matched(similarity, Matcher(None, force_match=False)) == [0, 2, 1]
    assert matched(similarity, Matcher(None, force_match=True)) == [0, 0, 1]
