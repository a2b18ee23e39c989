"""Pascal VOC's average precision against examples worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from odapi_runner.scoring.voc import VocPrecision, evaluate_voc, mean_precision
from support.scored import build_found, build_groundtruth

# Ten boxes in a row, of which detections of falling scores find the first few.
ROW = [(0, 1, [place * 100.0, 0, 50, 50]) for place in range(10)]


def found_boxes(places: list[int | None]) -> list[tuple[int, int, list[float], float]]:
    """Detections of these boxes of `ROW`, or beside all (None), the surest first."""
    return [
        (0, 1, [9000.0, place, 50, 50] if which is None else ROW[which][2], 1 - place / 100)
        for place, which in enumerate(places)
    ]


def test_right_wrong_right() -> None:
    """Worked by hand: two of ten boxes found, with a wrong detection between.

    Precision 1, 1/2, 2/3 at recall 0.1, 0.1, 0.2. 2007: the best precision from recall 0 and 0.1
    on is 1, from 0.2 on it is 2/3, then 0: (1 + 1 + 2/3) / 11. 2012: 0.1 x 1 + 0.1 x 2/3.
    """
    truth = build_groundtruth(ROW)

    told = evaluate_voc(truth, build_found(found_boxes([0, None, 1])))

    assert told["class 1"].voc2007 == pytest.approx((1 + 1 + 2 / 3) / 11)
    assert told["class 1"].voc2012 == pytest.approx(0.1 + 0.1 * 2 / 3)


def test_a_recall_of_three_tenths_is_below_the_devkits() -> None:
    """3 / 10 is less than 3 x 0.1 as computers have it: recall 0.3 reaches 0, 0.1 and 0.2 only."""
    told = evaluate_voc(build_groundtruth(ROW), build_found(found_boxes([0, 1, 2])))

    assert told["class 1"].voc2007 == pytest.approx(3 / 11)
    assert told["class 1"].voc2012 == pytest.approx(0.3)


def test_a_second_detection_of_a_box_is_wrong_even_with_another_box_near() -> None:
    """Its box is the one that it overlaps most; COCO would give it the other.

    Boxes A (0..100) and B (30..130 across) overlap; both detections lie on A, the second with
    60 / 140 with B. Precision 1, then 1/2: recall 0.5, so 2012 gives 0.5.
    """
    truth = build_groundtruth([(0, 1, [0, 0, 100, 100]), (0, 1, [30, 0, 100, 100])])
    found = build_found([(0, 1, [0, 0, 100, 100], 0.9), (0, 1, [10, 0, 100, 100], 0.8)])

    assert evaluate_voc(truth, found)["class 1"].voc2012 == pytest.approx(0.5)


def test_what_is_difficult_or_a_crowd_is_neither_right_nor_wrong() -> None:
    """One plain box is found third, after a difficult one, twice, and one inside a crowd."""
    boxes = [(0, 1, [0.0, 0, 50, 50]), (0, 1, [100.0, 0, 50, 50]), (0, 1, [200.0, 0, 90, 90])]
    truth = build_groundtruth(boxes, crowd=(2,))
    found = build_found(
        [
            (0, 1, [100, 0, 50, 50], 0.9),
            (0, 1, [100, 0, 50, 48], 0.8),
            (0, 1, [220, 20, 9, 9], 0.7),
            (0, 1, [0, 0, 50, 50], 0.6),
        ]
    )

    marked = replace(truth, difficult=np.array([False, True, False]))
    with_mark = evaluate_voc(marked, found)["class 1"]
    without = evaluate_voc(truth, found)["class 1"]

    assert with_mark == VocPrecision(pytest.approx(1.0), pytest.approx(1.0))
    # Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    assert without.voc2012 == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_all_detections_count_and_classes_are_apart() -> None:
    """The hit is 151st on its image; class 2 is not found and class 3 is nowhere."""
    truth = build_groundtruth([(0, 1, [0, 0, 50, 50]), (0, 2, [0, 0, 50, 50])], classes=3)
    wrong = [(0, 1, [500.0, 0, 9, 9], 0.9)] * 150

    told = evaluate_voc(truth, build_found([*wrong, (0, 1, [0, 0, 50, 50], 0.1)]))

    assert told["class 1"].voc2012 == pytest.approx(1 / 151)
    assert told["class 2"] == VocPrecision(0, 0)
    assert told["class 3"] == VocPrecision(-1, -1)
    assert mean_precision(told).voc2012 == pytest.approx(1 / 302)
    assert mean_precision({}) == VocPrecision(-1, -1)
