"""Which detection finds which box, against hand-worked cases and against pycocotools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.scoring import pairs
from odapi_runner.scoring.match import COCO_THRESHOLDS, match
from support.scored import (
    OFFERED,
    WANTED,
    Box,
    build_found,
    build_groundtruth,
    pycocotools_evaluation,
)


def test_the_surest_detection_takes_the_box_that_it_overlaps_most() -> None:
    """Box 0 is left for the second, whose overlap of 0.8 is enough up to 0.80."""
    truth = build_groundtruth([(0, 1, [0, 0, 100, 100]), (0, 1, [0, 0, 100, 90])])
    found = build_found([(0, 1, [0, 0, 100, 80], 0.5), (0, 1, [0, 0, 100, 92], 0.9)])

    matches = match(truth, found, thresholds=[0.5, 0.8, 0.85])

    assert matches.groundtruth.tolist() == [[0, 1], [0, 1], [-1, 1]]
    assert matches.is_right.tolist() == [[True, True], [True, True], [False, True]]
    assert matches.is_wrong.tolist() == [[False, False], [False, False], [True, False]]
    assert matches.find_missed(truth).tolist() == [[False] * 2, [False] * 2, [True, False]]


def test_a_box_is_found_once_and_a_crowd_by_any_number() -> None:
    """The second of two equal detections is wrong on a box, and ignored in a crowd."""
    truth = build_groundtruth([(0, 1, [0, 0, 50, 50]), (0, 1, [200, 0, 90, 90])], crowd=(1,))
    at = [[0.0, 0, 50, 50], [0.0, 0, 50, 50], [210.0, 0, 9, 9], [220.0, 0, 9, 9]]
    found = build_found([(0, 1, box, score) for box, score in zip(at, (9, 8, 7, 6), strict=True)])

    matches = match(truth, found, thresholds=[0.5])

    assert matches.groundtruth.tolist() == [[0, -1, 1, 1]]
    assert matches.is_right.tolist() == [[True, False, False, False]]
    assert matches.is_wrong.tolist() == [[False, True, False, False]]
    assert matches.ignored.tolist() == [[False, False, True, True]]
    assert matches.find_missed(truth).tolist() == [[False, False]]


def test_a_class_finds_its_own_boxes_unless_classes_play_no_part() -> None:
    """A class 2 detection on a class 1 box is wrong; without classes it is the box's."""
    truth = build_groundtruth([(0, 1, [0, 0, 50, 50])], classes=2)
    found = build_found([(0, 2, [0, 0, 50, 50], 0.9), (0, 1, [0, 0, 50, 40], 0.5)])

    assert match(truth, found, thresholds=[0.5]).groundtruth.tolist() == [[-1, 0]]
    free = match(truth, found, thresholds=[0.5], by_class=False)
    assert free.groundtruth.tolist() == [[0, -1]]


def test_the_limit_and_unknown_classes_are_not_counted() -> None:
    """Of three detections of a class the best is looked at; class 7 is in no label map."""
    truth = build_groundtruth([(0, 1, [0, 0, 50, 50])])
    boxes = [(0, 1, 0.3), (0, 1, 0.9), (0, 7, 1.0), (0, 1, 0.3)]
    found = build_found([(image, number, [0, 0, 50, 50], s) for image, number, s in boxes])

    assert match(truth, found, limit=1).counted.tolist() == [False, True, False, False]
    assert match(truth, found, limit=None).counted.tolist() == [True, True, False, True]
    only_sure = match(truth, found.keep(found.scores > 0.5))
    assert only_sure.groundtruth[0].tolist() == [0, -1]


@pytest.mark.parametrize("images", [0, 2])
def test_nothing_matches_nothing(images: int) -> None:
    """Neither boxes nor detections, neither images nor classes are needed."""
    empty = match(build_groundtruth([], images=images), build_found([]))
    bare = match(build_groundtruth([], images=1, classes=0), build_found([(0, 1, [0] * 4, 1)]))

    assert empty.groundtruth.shape == empty.is_wrong.shape == (10, 0)
    assert bare.counted.tolist() == [False]


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlaps that are computed in pieces of a few pairs are those of all at once."""
    rng = np.random.default_rng(0)
    boxes = [(int(i), 1, [*rng.uniform(0, 50, 2), *rng.uniform(20, 60, 2)]) for i in range(3)] * 6
    truth = build_groundtruth(boxes, images=3)
    found = build_found([(i, c, [b[0] + 3, *b[1:]], 0.5) for i, c, b in boxes])
    whole = match(truth, found)

    monkeypatch.setattr(pairs, "_CHUNK", 4)

    assert np.array_equal(match(truth, found).groundtruth, whole.groundtruth)
    assert whole.is_right.any()


@settings(max_examples=60, deadline=None)
@given(WANTED, OFFERED, st.sets(st.integers(0, 11)))
def test_the_matches_are_those_of_pycocotools(
    wanted: list[Box], offered: list[Any], crowd: set[int]
) -> None:
    """Detection by detection and overlap by overlap: the box found, and what is ignored."""
    truth = build_groundtruth(wanted, images=4, classes=3, crowd=tuple(crowd))
    truth = replace(truth, area=np.full(len(wanted), 5000.0))
    found = build_found(offered)

    matches = match(truth, found)

    theirs = np.full((len(COCO_THRESHOLDS), len(offered)), -1)
    ignored = np.zeros(theirs.shape, bool)
    counted = np.zeros(len(offered), bool)
    for image in pycocotools_evaluation(truth, found).evalImgs:
        if image is not None and image["aRng"] == [0, 1e10]:
            rows = np.array(image["dtIds"], int) - 1
            theirs[:, rows] = image["dtMatches"] - 1
            ignored[:, rows] = image["dtIgnore"]
            counted[rows] = True
    assert np.array_equal(matches.groundtruth, theirs)
    assert np.array_equal(matches.ignored, ignored)
    assert np.array_equal(matches.counted, counted)
