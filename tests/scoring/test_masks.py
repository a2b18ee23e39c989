"""COCO's figures of masks against pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools.mask import area as mask_area
from pycocotools.mask import encode

from odapi_runner import coco
from odapi_runner.scoring.masks import Masks
from support.scored import build_found, build_groundtruth, reference

SIZE = 160


def draw_disc(x: float, y: float, radius: float) -> dict[str, Any]:
    """The mask of a disc, run-length encoded."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return dict(encode(np.asfortranarray(inside.astype(np.uint8))))


def box_of(x: float, y: float, radius: float) -> list[float]:
    return [x - radius, y - radius, 2 * radius, 2 * radius]


@pytest.mark.parametrize("seed", range(4))
def test_masks_are_measured_as_pycocotools_does(seed: int) -> None:
    """All twelve, equal to 1e-9: discs of all sizes, crowds, ties of score, false detections."""
    rng = np.random.default_rng(seed)
    discs = [
        (int(rng.integers(5)), int(rng.integers(1, 4)), (*rng.integers(20, 140, 2), r))
        for r in rng.integers(4, 60, 25).tolist()
    ]
    wanted = [(image, number, box_of(*disc)) for image, number, disc in discs]
    near = [
        (image, number, tuple(np.array(disc) + rng.integers(-4, 5, 3)), round(rng.random(), 1))
        for image, number, disc in discs * 4
    ]
    crowd = tuple(np.flatnonzero(rng.random(25) < 0.15).tolist())
    masks = Masks(
        [draw_disc(*disc) for _, _, disc in discs], [draw_disc(*disc) for _, _, disc, _ in near]
    )
    area = [float(one) for one in mask_area(masks.wanted)]
    truth = build_groundtruth(wanted, images=5, classes=3, crowd=crowd, area=area)
    found = build_found([(i, c, box_of(*disc), score) for i, c, disc, score in near])

    metrics = coco.evaluate(truth, found, masks=masks, per_category=True)

    numbers, _ = reference(truth, found, masks)
    assert list(metrics.values())[:12] == pytest.approx(numbers, abs=1e-9)
    assert next(iter(metrics)) == "DetectionMasks_Precision/mAP"
    assert list(metrics)[12] == "DetectionMasks_PerformanceByCategory/mAP/class 1"
    assert (
        metrics["DetectionMasks_Precision/mAP"]
        != coco.evaluate(truth, found)["DetectionBoxes_Precision/mAP"]
    )


def test_without_an_area_that_of_the_mask_decides_the_size() -> None:
    """A disc of radius 17 px covers 901 px and is small; its box of 34 x 34 would be medium."""
    truth = build_groundtruth([(0, 1, box_of(50, 50, 17))], area=[0.0])
    found = build_found([(0, 1, box_of(50, 50, 17), 0.9)])
    masks = Masks([draw_disc(50, 50, 17)], [draw_disc(50, 50, 17)])

    metrics = coco.evaluate(truth, found, masks=masks)

    assert metrics["DetectionMasks_Recall/AR@100 (small)"] == 1
    assert metrics["DetectionMasks_Recall/AR@100 (medium)"] == -1


def test_no_masks_at_all() -> None:
    """Nothing to be found and nothing found: -1, as with boxes."""
    metrics = coco.evaluate(build_groundtruth([]), build_found([]), masks=Masks([], []))

    assert set(metrics.values()) == {-1.0}
