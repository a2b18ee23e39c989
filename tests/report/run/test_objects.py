"""What each object is taken for, and the threshold that serves best."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.formats.detections import Detections, GroundTruth
from odapi_runner.report.run.objects import THRESHOLDS, Objects, build_objects
from odapi_runner.scoring.match import match
from odapi_runner.scoring.pairs import find_pairs, rank_detections
from support.scenes import Box, detections, groundtruth, random_scenes

HERE: Box = (10, 10, 40, 40)
THERE: Box = (100, 100, 40, 40)
NOWHERE: Box = (10, 150, 20, 20)


def objects_of(truth: GroundTruth, found: Detections) -> Objects:
    ranked = rank_detections(truth, found, by_class=False, limit=None)
    pairs = find_pairs(truth, found, ranked, by_class=False, at_least=0.1)
    return build_objects(truth, found, match(truth, found, thresholds=[0.5]), pairs)


def shares(objects: Objects, threshold: float) -> list[tuple[int, int, int, int]]:
    """Misclassified, correct, missed and false of each class."""
    return [
        (one.misclassified, one.correct, one.missed, one.false) for one in objects.count(threshold)
    ]


def test_the_surest_box_says_what_an_object_is_taken_for() -> None:
    """A car that is surely a van is misclassified, though the car was found, too, less surely."""
    truth = groundtruth([(0, 1, HERE), (0, 2, THERE)])
    found = detections([(0, 2, HERE, 0.75), (0, 1, HERE, 0.5), (0, 2, THERE, 0.25)])

    objects = objects_of(truth, found)

    assert shares(objects, 0.2) == [(1, 0, 0, 0), (0, 1, 0, 0)]
    # At 0.5 nothing is sure enough of the other one; at 0.8 of neither.
    assert shares(objects, 0.5) == [(1, 0, 0, 0), (0, 0, 1, 0)]
    assert shares(objects, 0.8) == [(0, 0, 1, 0), (0, 0, 1, 0)]


def test_a_score_that_is_the_threshold_counts() -> None:
    """0.7 as float32 is a little less than 0.7: it counts all the same."""
    objects = objects_of(groundtruth([(0, 1, HERE)]), detections([(0, 1, HERE, 0.7)]))

    assert shares(objects, 0.7)[0] == (0, 1, 0, 0)
    assert shares(objects, 0.71)[0] == (0, 0, 1, 0)


def test_a_box_on_nothing_is_false_and_one_in_a_crowd_is_not() -> None:
    """A duplicate is on an object, so it is not false either."""
    truth = groundtruth([(0, 1, HERE), (0, 1, (80, 80, 100, 100))], crowd=[1])
    found = detections(
        [(0, 1, HERE, 0.9), (0, 1, HERE, 0.8), (0, 1, THERE, 0.7), (0, 1, NOWHERE, 0.6)]
    )

    objects = objects_of(truth, found)

    assert shares(objects, 0.5) == [(0, 1, 0, 1), (0, 0, 0, 0)]
    assert shares(objects, 0.65) == [(0, 1, 0, 0), (0, 0, 0, 0)]
    assert objects.count(0.5)[0].shares == (0.0, 1.0, 0.0)
    assert objects.count(0.5)[1].shares is None


def test_an_extra_box_lies_on_an_object_without_finding_it() -> None:
    """A second box, and one of another class: neither false nor right; a crowd has none."""
    truth = groundtruth([(0, 1, HERE), (0, 1, (80, 80, 100, 100))], crowd=[1])
    found = detections(
        [(0, 1, HERE, 0.9), (0, 1, HERE, 0.8), (0, 2, HERE, 0.7), (0, 1, THERE, 0.6)]
    )
    objects = objects_of(truth, found)

    assert [one.extra for one in objects.count(0.5)] == [1, 1]
    assert [one.extra for one in objects.count(0.75)] == [1, 0]
    assert [one.extra for one in objects.count(0.85)] == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_false_and_extra_boxes_are_the_errors_of_f1(seed: int) -> None:
    """With them and the boxes that are right one can work F1 out."""
    truth, found = random_scenes(seed)
    objects = objects_of(truth, found)

    for threshold in (0.05, 0.3, 0.7):
        errors = sum(one.false + one.extra for one in objects.count(threshold))
        right = int((objects.right & (found.scores >= np.float32(threshold))).sum())
        f1 = objects.f1(np.ones(len(objects.right), np.bool_), len(truth.classes))
        place = int(np.searchsorted(THRESHOLDS, threshold))
        assert f1[place] == pytest.approx(2 * right / (right + errors + len(truth.classes)))


def test_a_box_about_another_object_says_nothing() -> None:
    """The box of a van lies on the car beside it, too, but is right about the van."""
    truth = groundtruth([(0, 1, HERE), (0, 2, (15, 10, 40, 40))])
    found = detections([(0, 2, (15, 10, 40, 40), 0.9), (0, 1, HERE, 0.3)])

    assert shares(objects_of(truth, found), 0.2) == [(0, 1, 0, 0), (0, 1, 0, 0)]
    assert shares(objects_of(truth, found), 0.5) == [(0, 0, 1, 0), (0, 1, 0, 0)]


def test_the_confusion_matrix_tells_who_is_taken_for_whom() -> None:
    """Rows are what there is, the last one nothing; columns what is said, the last one nothing."""
    truth = groundtruth([(0, 1, HERE), (0, 2, THERE), (1, 2, HERE)], images=2)
    found = detections([(0, 2, HERE, 0.9), (0, 2, THERE, 0.9), (1, 1, NOWHERE, 0.9)])

    matrix = objects_of(truth, found).confusion(0.5)

    assert matrix.tolist() == [[0, 1, 0], [0, 1, 1], [1, 0, 0]]


def test_a_class_that_the_label_map_lacks_confuses_nobody() -> None:
    """COCO's detectors know more classes than its label map: such a box is not looked at."""
    found = detections([(0, 9, HERE, 0.9), (0, 9, NOWHERE, 0.9)])

    assert shares(objects_of(groundtruth([(0, 1, HERE)]), found), 0.5)[0] == (0, 0, 1, 0)


def test_the_best_threshold_is_the_middle_of_those_with_the_best_f1() -> None:
    """The fifth seed's case: right boxes of 0.25 and more, wrong ones below 0.15."""
    truth = groundtruth([(0, 1, HERE), (0, 1, THERE)])
    found = detections([(0, 1, HERE, 0.25), (0, 1, THERE, 0.6), (0, 1, NOWHERE, 0.15)])

    (best,) = objects_of(truth, found).best_thresholds()

    # 0.16 to 0.25 are as good as each other: both found, nothing wrong. At 0.5 one of two is found.
    assert (best.name, best.threshold, best.f1) == ("car", 0.2, 1.0)
    assert best.f1_at_half == pytest.approx(2 / 3)
    assert objects_of(truth, found).best_threshold() == best.__class__("all", 0.2, 1.0, 2 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_f1_is_that_of_the_boxes_above_the_threshold(seed: int) -> None:
    """Matching only what is above the threshold gives the F1 that was read off all of it."""
    truth, found = random_scenes(seed)

    best = objects_of(truth, found).best_threshold()

    assert best is not None
    for threshold, f1 in ((best.threshold, best.f1), (0.5, best.f1_at_half)):
        matches = match(truth, found.keep(found.scores >= threshold), thresholds=[0.5])
        right, wrong = int(matches.is_right.sum()), int(matches.is_wrong.sum())
        assert f1 == pytest.approx(2 * right / (right + wrong + len(truth.classes)))


@pytest.mark.parametrize("seed", range(5))
def test_every_object_is_counted_once(seed: int) -> None:
    """The rows of the matrix sum to the objects of each class, at any threshold."""
    truth, found = random_scenes(seed)
    objects = objects_of(truth, found)

    for threshold in (0.05, 0.3, 0.7):
        matrix = objects.confusion(threshold)
        there = [int((truth.classes == number).sum()) for number in truth.class_ids]
        assert matrix[:-1].sum(axis=1).tolist() == there
        assert matrix[-1, -1] == 0


def test_without_objects_there_is_no_threshold() -> None:
    """Nothing serves best where nothing is to be found."""
    objects = objects_of(groundtruth([]), detections([(0, 1, HERE, 0.5)]))

    assert objects.best_threshold() is None
    assert objects.best_thresholds() == []
    assert objects.count(0.2)[0].false == 1
