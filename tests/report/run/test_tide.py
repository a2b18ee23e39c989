"""TIDE's errors by kind, against hand-worked cases and against TIDE's own program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.detections import Detections, GroundTruth
from odapi_runner.report.run.tide import BESIDE, KINDS, Errors, find_errors
from odapi_runner.scoring import curves
from odapi_runner.scoring.match import match
from odapi_runner.scoring.pairs import find_pairs, rank_detections
from support.scenes import Box, detections, groundtruth, random_scenes

SEEDS = range(20)
# What make_tide.py got from tidecv 1.0.1; its AP and costs are per cent.
THEIRS = json.loads((Path(__file__).parent / "tide.json").read_text("utf-8"))
CAR = (10.0, 10.0, 40.0, 40.0)
THEIR_NAMES = {"Cls": "cls", "Loc": "loc", "Both": "both", "Dupe": "dupe", "Bkg": "bkg"} | {
    "Miss": "miss"
}


def errors_of(truth: GroundTruth, found: Detections) -> Errors:
    ranked = rank_detections(truth, found, by_class=False, limit=None)
    pairs = find_pairs(truth, found, ranked, by_class=False, at_least=BESIDE)
    return find_errors(truth, found, match(truth, found, thresholds=[0.5]), pairs)


@pytest.mark.parametrize("theirs", THEIRS, ids=lambda theirs: str(theirs["seed"]))
def test_counts_and_costs_are_tides_own(
    theirs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty random scenes: as many errors of each kind, at the same cost, as tidecv finds.

    It looks at recalls of k / 100, and COCO at numpy's, whose last bits differ: that alone would
    move some costs by up to 0.003.
    """
    monkeypatch.setattr(curves, "RECALLS", np.arange(101) / 100)
    found = errors_of(*random_scenes(theirs["seed"]))

    assert found.count() == {THEIR_NAMES[name]: n for name, n in theirs["count"].items()}
    assert found.average == pytest.approx(theirs["average"] / 100, abs=1e-9)
    for name, cost in theirs["cost"].items():
        assert found.cost[THEIR_NAMES[name]] == pytest.approx(cost / 100, abs=1e-9), name


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("cls", (0, 2, (10, 10, 40, 40), 0.9)),  # on the car, as a van
        ("loc", (0, 1, (30, 10, 40, 40), 0.9)),  # 20 of 40 pixels aside: IoU 1/3
        ("both", (0, 2, (30, 10, 40, 40), 0.9)),
        ("bkg", (0, 1, (48, 48, 40, 40), 0.9)),  # 2 x 2 of 40 x 40 pixels: IoU 0.001
        ("bkg", (1, 1, (10, 10, 40, 40), 0.9)),  # on an image without objects
    ],
)
def test_one_box_beside_one_car(kind: str, found: tuple[int, int, Box, float]) -> None:
    """Each kind alone; the car is missed where mending that box would not find it."""
    truth = groundtruth([(0, 1, CAR)], images=2)

    errors = errors_of(truth, detections([found]))

    mended = kind in {"cls", "loc"}
    wanted = dict.fromkeys(KINDS, 0) | {kind: 1, "miss": 0 if mended else 1}
    assert errors.count() == wanted
    assert errors.average == 0.0
    costs = dict.fromkeys(KINDS, 0.0) | ({kind: 1.0} if mended else {})
    assert errors.cost == pytest.approx(costs)
    assert errors.missed.tolist() == [not mended]


def test_a_second_box_on_a_car_is_a_duplicate() -> None:
    """It costs where it is surer than the box on another car: 1 of 2, then 2 of 3 are right."""
    other = (100, 100, 40, 40)
    truth = groundtruth([(0, 1, CAR), (0, 1, other)])
    found = detections([(0, 1, CAR, 0.9), (0, 1, CAR, 0.8), (0, 1, other, 0.7)])

    errors = errors_of(truth, found)

    assert errors.count() == dict.fromkeys(KINDS, 0) | {"dupe": 1}
    assert errors.kind.tolist() == [-1, KINDS.index("dupe"), -1]
    # Of 101 recalls 51 are up to 0.5, where precision is 1; it is 2/3 at the other 50.
    assert errors.average == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert errors.cost["dupe"] == pytest.approx(50 / 3 / 101)


def test_what_lies_in_a_crowd_is_no_error() -> None:
    """Nor is the crowd missed."""
    truth = groundtruth([(0, 1, (0, 0, 150, 150))], crowd=[0])

    errors = errors_of(truth, detections([(0, 1, CAR, 0.9)]))

    assert errors.count() == dict.fromkeys(KINDS, 0)
    assert errors.average == 0.0


def test_nothing_at_all() -> None:
    """Neither objects nor boxes: no errors, and no warning."""
    assert errors_of(groundtruth([]), detections([])).count() == dict.fromkeys(KINDS, 0)


def scene(seed: int) -> dict[str, Any]:
    """A scene as make_tide.py reads it."""
    truth, found = random_scenes(seed)
    wanted = zip(
        truth.image.tolist(), truth.classes.tolist(), truth.boxes_xywh_px.tolist(), strict=True
    )
    offered = zip(
        found.image.tolist(),
        found.classes.tolist(),
        found.boxes_xywh_px.tolist(),
        found.scores.tolist(),
        strict=True,
    )
    return {
        "seed": seed,
        "images": len(truth.source_ids),
        "classes": truth.class_ids.tolist(),
        "wanted": list(wanted),
        "found": list(offered),
    }


if __name__ == "__main__":
    print(json.dumps([scene(seed) for seed in SEEDS]))
