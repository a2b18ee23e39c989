"""`odapi_runner.coco` against hand-worked cases and against pycocotools."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner import coco
from odapi_runner.formats.detections import GroundTruth
from odapi_runner.metrics import CATEGORY_TAG, COCO_METRICS, category_tag
from support.scored import (
    OFFERED,
    WANTED,
    Box,
    build_found,
    build_groundtruth,
    pycocotools_evaluation,
    reference,
)


def values(metrics: dict[str, float]) -> dict[str, float]:
    return {metric.column: metrics[metric.tag] for metric in COCO_METRICS}


def test_a_perfect_detection_gives_one_in_its_size_and_minus_one_in_the_others() -> None:
    """One box of 40 x 40 px (1600 px: between 32^2 and 96^2) found exactly is medium."""
    truth = build_groundtruth([(0, 1, [10, 10, 40, 40])])

    metrics = coco.evaluate(truth, build_found([(0, 1, [10, 10, 40, 40], 0.9)]))

    assert list(metrics) == [metric.tag for metric in COCO_METRICS]
    assert values(metrics) == {
        **dict.fromkeys(("mAP", "mAP_50", "mAP_75", "mAP_medium"), pytest.approx(1.0)),
        **dict.fromkeys(("AR_1", "AR_10", "AR_100", "AR_100_medium"), 1.0),
        **dict.fromkeys(("mAP_small", "mAP_large", "AR_100_small", "AR_100_large"), -1.0),
    }


def test_an_overlap_counts_at_the_thresholds_it_reaches() -> None:
    """A box of 8 of 10 columns has IoU 0.8: right at 0.50 to 0.80, that is at 7 of 10 levels."""
    truth = build_groundtruth([(0, 1, [0, 0, 100, 100])])

    metrics = coco.evaluate(truth, build_found([(0, 1, [0, 0, 80, 100], 0.9)]))

    found = values(metrics)
    assert found["mAP"] == pytest.approx(0.7)
    assert found["mAP_50"] == found["mAP_75"] == pytest.approx(1.0)
    assert found["AR_1"] == pytest.approx(0.7)


def test_nothing_found_is_zero() -> None:
    """Without detections every number that can be measured is 0."""
    metrics = coco.evaluate(
        build_groundtruth([(0, 1, [0, 0, 100, 100])], images=2), build_found([])
    )

    assert values(metrics)["mAP"] == 0
    assert values(metrics)["mAP_small"] == -1


@pytest.mark.parametrize("images", [0, 3])
def test_without_groundtruth_nothing_is_known(images: int) -> None:
    """No groundtruth at all, even no images: -1 everywhere, as COCO has it."""
    found = build_found([(0, 1, [0, 0, 9, 9], 0.5)] if images else [])

    metrics = coco.evaluate(build_groundtruth([], images=images), found, per_category=True)

    assert set(metrics.values()) == {-1.0}


def test_a_surer_detection_on_an_empty_image_halves_the_precision() -> None:
    """The image without groundtruth counts: one false positive above the hit, precision 1/2."""
    truth = build_groundtruth([(0, 1, [0, 0, 100, 100])], images=2)
    found = [(0, 1, [0.0, 0, 100, 100], 0.5), (1, 1, [0.0, 0, 50, 50], 0.9)]

    metrics = coco.evaluate(truth, build_found(found))

    assert values(metrics)["mAP"] == pytest.approx(0.5)


def test_what_lies_in_a_crowd_is_neither_right_nor_wrong() -> None:
    """Two detections inside a crowd region take nothing from the precision of the third."""
    truth = build_groundtruth([(0, 1, [0, 0, 40, 40]), (0, 1, [100, 100, 200, 200])], crowd=(1,))
    inside = [(0, 1, [110.0, 110, 50, 50], 0.9), (0, 1, [200.0, 200, 50, 50], 0.8)]

    metrics = coco.evaluate(truth, build_found([*inside, (0, 1, [0, 0, 40, 40], 0.5)]))

    assert values(metrics)["mAP"] == pytest.approx(1.0)
    assert values(metrics)["mAP_large"] == -1


def test_only_a_hundred_detections_of_an_image_count() -> None:
    """The hit has the lowest of 101 scores: it is left out."""
    truth = build_groundtruth([(0, 1, [0, 0, 40, 40])])
    wrong = [(0, 1, [200.0, 200, 50, 50], 0.9)] * 100

    metrics = coco.evaluate(truth, build_found([*wrong, (0, 1, [0, 0, 40, 40], 0.1)]))

    assert values(metrics)["AR_100"] == 0


def test_the_given_area_decides_the_size_and_the_sides_do_where_none_is_given() -> None:
    """100 x 100 px is large; a given area of 900 px makes it small; 0 stands for none."""
    box: Box = (0, 1, [0, 0, 100, 100])
    found = build_found([(0, 1, [0, 0, 100, 100], 0.9)])

    small = coco.evaluate(build_groundtruth([box], area=[900.0]), found)
    large = coco.evaluate(build_groundtruth([box], area=[0.0]), found)

    assert values(small)["AR_100_small"] == 1
    assert values(small)["AR_100_large"] == -1
    assert values(large)["AR_100_large"] == 1


def test_each_class_is_told_when_asked_and_strangers_are_left_out() -> None:
    """Class 1 is found, class 2 is not, class 3 has no groundtruth, class 7 is not in the map."""
    truth = build_groundtruth([(0, 1, [0, 0, 40, 40]), (0, 2, [50, 50, 40, 40])], classes=3)
    found = build_found([(0, 1, [0, 0, 40, 40], 0.9), (0, 7, [50, 50, 40, 40], 0.9)])

    metrics = coco.evaluate(truth, found, per_category=True)

    assert values(metrics)["mAP"] == pytest.approx(0.5)
    assert {tag: value for tag, value in metrics.items() if tag.startswith(CATEGORY_TAG)} == {
        CATEGORY_TAG + "class 1": pytest.approx(1.0),
        CATEGORY_TAG + "class 2": 0.0,
        CATEGORY_TAG + "class 3": -1.0,
    }


def test_classes_follow_their_ids_whatever_the_order_of_the_label_map() -> None:
    """A label map that lists id 2 first gives each name the number of its own id."""
    truth = build_groundtruth([(0, 1, [0, 0, 40, 40]), (0, 2, [50, 50, 40, 40])], classes=2)
    turned = GroundTruth(
        **{name: getattr(truth, name) for name in truth.__slots__}
        | {"class_ids": np.array([2, 1]), "class_names": np.array(["two", "one"])}
    )

    metrics = coco.evaluate(turned, build_found([(0, 1, [0, 0, 40, 40], 0.9)]), per_category=True)

    assert list(metrics.items())[12:] == [
        (CATEGORY_TAG + "two", 0.0),
        (CATEGORY_TAG + "one", pytest.approx(1.0)),
    ]


def test_all_figures_of_each_class_and_of_classes_together() -> None:
    """Class 1 is found and large, class 2 is not; the mean of both counts -1 as a number."""
    truth = build_groundtruth([(0, 1, [0, 0, 100, 100]), (0, 2, [50, 50, 40, 40])], classes=2)
    found = build_found([(0, 1, [0, 0, 100, 100], 0.9)])

    metrics = coco.evaluate(
        truth, found, all_per_category=True, super_categories={"both": ["class 1", "class 2"]}
    )

    assert metrics[CATEGORY_TAG + "class 1"] == pytest.approx(1.0)
    assert metrics["DetectionBoxes_Precision/mAP (large) ByCategory/class 1"] == pytest.approx(1.0)
    assert metrics["DetectionBoxes_Precision/mAP (large) ByCategory/class 2"] == -1.0
    assert metrics["DetectionBoxes_PerformanceBySuperCategory/both"] == pytest.approx(0.5)
    large = "DetectionBoxes_Precision/mAP (large) BySuperCategory/both"
    assert metrics[large] == pytest.approx(0.0)
    assert len(metrics) == 12 + 2 * 13 + 13


@settings(max_examples=60, deadline=None)
@given(WANTED, OFFERED, st.sets(st.integers(0, 11)), st.booleans())
def test_the_numbers_and_lines_are_those_of_pycocotools(
    wanted: list[Box], offered: list[Any], crowd: set[int], given_area: bool
) -> None:
    """Equal to 1e-9 on any groundtruth and detections, and the same twelve printed lines."""
    truth = build_groundtruth(wanted, images=4, classes=3, crowd=tuple(crowd))
    if given_area:
        area = np.linspace(1, 10_000, len(wanted))
        truth = GroundTruth(
            **{name: getattr(truth, name) for name in truth.__slots__} | {"area": area}
        )
    found = build_found(offered)

    metrics = coco.evaluate(truth, found)

    numbers, lines = reference(truth, found)
    assert list(metrics.values()) == pytest.approx(numbers, abs=1e-9)
    assert coco.summary_lines(metrics) == lines


def of_class(evaluation: Any, place: int) -> list[float]:
    """The twelve of one class, read off the tables that pycocotools has accumulated."""
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    one = [
        *(precision[at, :, place, 0, 2] for at in (slice(None), 0, 5)),
        *(precision[:, :, place, area, 2] for area in (1, 2, 3)),
        *(recall[:, place, 0, limit] for limit in (0, 1, 2)),
        *(recall[:, place, area, 2] for area in (1, 2, 3)),
    ]
    return [float(np.mean(part[part > -1])) if (part > -1).any() else -1.0 for part in one]


@settings(max_examples=30, deadline=None)
@given(WANTED, OFFERED, st.sets(st.integers(0, 11)))
def test_the_numbers_of_each_class_are_those_of_pycocotools(
    wanted: list[Box], offered: list[Any], crowd: set[int]
) -> None:
    """All twelve of each of the three classes, equal to 1e-9."""
    truth = build_groundtruth(wanted, images=4, classes=3, crowd=tuple(crowd))
    found = build_found(offered)

    metrics = coco.evaluate(truth, found, all_per_category=True)

    evaluation = pycocotools_evaluation(truth, found)
    for place, name in enumerate(truth.class_names):
        ours = [metrics[category_tag(one, str(name))] for one in COCO_METRICS]
        assert ours == pytest.approx(of_class(evaluation, place), abs=1e-9)
        assert metrics[CATEGORY_TAG + name] == ours[0]


@pytest.mark.parametrize("seed", range(5))
def test_ties_at_the_limit_agree_with_pycocotools(seed: int) -> None:
    """130 detections of a class on an image with five scores: which 100 count is a tie's order."""
    rng = np.random.default_rng(seed)
    wanted = [
        (image, 1, [*rng.integers(0, 90, 2).tolist(), *rng.integers(8, 120, 2).tolist()])
        for image in range(3)
        for _ in range(15)
    ]
    offered = [
        (image, 1, (np.array(wanted[row][2]) + rng.integers(-6, 7, 4)).clip(1).tolist(), score)
        for image in (0, 2)  # nothing is found on the second
        for row, score in zip(
            rng.integers(0, 45, 130), rng.choice([0.1, 0.2, 0.3, 0.4, 0.5], 130), strict=True
        )
    ]
    truth = build_groundtruth(wanted, images=4, crowd=(3, 20))
    found = build_found(offered)

    metrics = coco.evaluate(truth, found)

    assert list(metrics.values()) == pytest.approx(reference(truth, found)[0], abs=1e-9)
    assert metrics["DetectionBoxes_Precision/mAP"] > 0


def test_crowded_images_agree_with_pycocotools() -> None:
    """150 noisy detections an image, more than count, with scores of two decimals."""
    rng = np.random.default_rng(0)
    wanted = [
        (image, int(rng.integers(1, 4)), [*rng.uniform(0, 300, 2), *rng.uniform(4, 200, 2)])
        for image in range(8)
        for _ in range(6)
    ]
    offered = [
        (image, number, (np.array(box) + rng.normal(0, 4, 4)).tolist(), round(rng.random(), 2))
        for image, number, box in wanted
        for _ in range(25)
    ]
    truth, found = build_groundtruth(wanted, images=8, classes=3), build_found(offered)

    metrics = coco.evaluate(truth, found)

    assert list(metrics.values()) == pytest.approx(reference(truth, found)[0], abs=1e-9)
    assert 0 < metrics["DetectionBoxes_Precision/mAP"] < 1


def test_an_evaluation_is_silent_and_draws_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither stdout, stderr nor a log at any level gets a word; no plotting package is loaded."""
    with caplog.at_level(logging.DEBUG):
        coco.evaluate(build_groundtruth([(0, 1, [0, 0, 9, 9])]), build_found([]))
    code = (
        "import odapi_runner.coco, sys; print({'matplotlib', 'pandas', 'torch'} & {*sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert loaded.stdout == "set()\n"
