"""Precision over recall of each class."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner import coco
from odapi_runner.metrics import CATEGORY_TAG, COCO_METRICS, category_tag
from odapi_runner.report.run.precision import build_class_curves
from odapi_runner.scoring.curves import class_outcomes
from odapi_runner.scoring.match import match
from odapi_runner.scoring.pairs import rank_detections
from support.scenes import detections, groundtruth, random_scenes


@pytest.mark.parametrize("seed", range(3))
def test_their_means_are_cocos_averages(seed: int) -> None:
    """Class by class at IoU 0.5 and 0.75, in the order of the label map."""
    truth, found = random_scenes(seed)
    matches = match(truth, found, thresholds=[0.5, 0.75])
    outcomes = class_outcomes(truth, found, rank_detections(truth, found), matches)
    theirs = coco.evaluate(truth, found, all_per_category=True)

    for level, metric in enumerate(COCO_METRICS[1:3]):
        curves = build_class_curves(truth, outcomes, level)
        assert [curve.name for curve in curves] == truth.class_names.tolist()
        for curve in curves:
            own = theirs[category_tag(metric, curve.name)]
            assert curve.average == pytest.approx(own, abs=1e-12)
            assert (np.diff(curve.precision) <= 0).all()
    assert CATEGORY_TAG + "class 1" in theirs


def test_a_class_without_objects_has_no_curve() -> None:
    """What is said of vans is wrong, but there is no recall of them."""
    truth = groundtruth([(0, 1, (10, 10, 40, 40))])
    found = detections([(0, 2, (10, 10, 40, 40), 0.9)])
    matches = match(truth, found, thresholds=[0.5])
    outcomes = class_outcomes(truth, found, rank_detections(truth, found), matches)

    (curve,) = build_class_curves(truth, outcomes)

    assert (curve.name, curve.objects, curve.average) == ("car", 1, 0.0)
