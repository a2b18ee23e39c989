"""Precision and recall along the scores, and COCO's 101 points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from odapi_runner.scoring import curves
from odapi_runner.scoring.curves import RECALLS, ClassOutcomes, precision_at_recalls


def build_outcomes(marks: str, wanted: list[int], image: list[int] | None = None) -> ClassOutcomes:
    """Detections in order of score: right (+), wrong (-) or ignored (.)."""
    signs = np.array(list(marks))
    count = len(signs)
    return ClassOutcomes(
        class_id=1,
        image=np.array(image or [0] * count, np.int64),
        rank=np.arange(count),
        scores=np.linspace(1, 0.5, count),
        right=(signs == "+")[None],
        wrong=(signs == "-")[None],
        wanted=np.array(wanted),
    )


def test_a_curve_has_a_point_a_detection() -> None:
    """Right, wrong, ignored, right of four boxes: precision 1, 1/2, 1/2, 2/3, recall to 1/2."""
    precision, recall = build_outcomes("+-.+", [4]).curve(0)

    assert precision.tolist() == pytest.approx([1, 1 / 2, 1 / 2, 2 / 3])
    assert recall.tolist() == [0.25, 0.25, 0.25, 0.5]
    assert np.isnan(build_outcomes("-", [0]).curve(0)[1]).all()


def test_precision_is_the_best_at_that_recall_or_a_higher_one() -> None:
    """Wrong, right, wrong, right of four: 2/4 up to a recall of 1/2, though 1/2 came before, too.

    With a third right one behind, 3/5 is the best of all points up to 3/4.
    """
    two = precision_at_recalls(build_outcomes("-+-+", [4]))[0, 0]
    three = precision_at_recalls(build_outcomes("-+-++", [4]))[0, 0]

    assert two.tolist() == pytest.approx([1 / 2] * 51 + [0] * 50)
    assert three.tolist() == pytest.approx([3 / 5] * 76 + [0] * 25)


def test_weights_are_how_often_an_image_is_there() -> None:
    """Image 0 has the right detection, image 1 the wrong one above it.

    Twice the wrong one: 1/3. Without it: 1. Without image 0 nothing is to be found: -1.
    """
    outcomes = build_outcomes("-+", [1, 0], image=[1, 0])

    told = precision_at_recalls(outcomes, np.array([[1, 1], [1, 2], [1, 0], [0, 1]]))

    assert told[:, 0, 0].tolist() == pytest.approx([1 / 2, 1 / 3, 1, -1])


@pytest.mark.parametrize("choices", [1, 40])
def test_ignored_detections_do_not_count_whatever_the_number_of_choices(choices: int) -> None:
    """Few choices and many are added up in different ways, to the same sums."""
    rng = np.random.default_rng(0)
    marks = rng.choice(list("+-."), 60, p=[0.3, 0.5, 0.2])
    image = rng.integers(0, 5, 60).tolist()
    plain = [sign for sign in marks if sign != "."]
    places = [i for i, sign in zip(image, marks, strict=True) if sign != "."]
    weights = np.random.default_rng(1).integers(0, 3, (40, 5))[:choices]

    with_ignored, without = (
        precision_at_recalls(build_outcomes("".join(signs), [9] * 5, at), weights)
        for signs, at in ((marks, image), (plain, places))
    )

    assert np.array_equal(with_ignored, without)


def test_a_recall_is_reached_where_coco_says_so() -> None:
    """Of up to 400 boxes: the first count whose quotient, as computers round, is not below it."""
    wanted = np.arange(1, 401)
    expected: list[Any] = [
        np.searchsorted(np.arange(count + 1) / count, RECALLS) for count in wanted.tolist()
    ]

    assert np.array_equal(curves._needed(wanted), expected)
