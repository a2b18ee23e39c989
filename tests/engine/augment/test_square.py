"""Crops that come out square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.augment.spec import HorizontalFlip, ScaleCropPad, SquareCropByScale
from support.augmenting import applied, build_step, draws, of_image

STEPS = (HorizontalFlip(0.5), ScaleCropPad(output_size=64, scale_min=0.3, scale_max=2.0))


def columns(height: int, width: int) -> np.ndarray:
    """An image whose pixels hold the number of their column."""
    return np.broadcast_to(np.arange(width, dtype=np.float32)[:, None], (height, width, 3))


def test_a_small_scale_pads_at_bottom_and_right() -> None:
    """40 x 80 px at a scale of 1/2 in a square of 80: 20 x 40 px in its corner."""
    step = ScaleCropPad(output_size=80, scale_min=0.5, scale_max=0.5)
    boxes = [[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.75, 1.0]]
    moved = applied(step, of_image(np.ones((40, 80, 3), np.uint8), boxes))

    assert moved.image.shape == (80, 80, 3)
    assert np.all(moved.image[:20, :40] == 1)
    assert moved.image.sum() == 20 * 40 * 3
    # Heights are a quarter of what they were (20 of 80 px), widths a half.
    assert moved.boxes.tolist() == [[0.0, 0.0, 0.25, 0.5], [0.0625, 0.25, 0.1875, 0.5]]


@pytest.mark.parametrize("seed", range(5))
def test_a_large_scale_crops_at_a_random_place(seed: int) -> None:
    """40 x 80 px at a scale of 2 in a square of 40: pixels as they are, 40 of the 80 columns."""
    step = ScaleCropPad(output_size=40, scale_min=2.0, scale_max=2.0)
    box = [0.25, 0.25, 0.75, 0.75]  # columns 20 to 60: every crop has a part of it
    moved = applied(step, of_image(columns(40, 80), [box]), seed=seed)

    first = int(moved.image[0, 0, 0])
    assert 0 <= first <= 40
    assert np.array_equal(moved.image, columns(40, 80)[:, first : first + 40])
    left, right = max(20 - first, 0) / 40, min(60 - first, 40) / 40
    assert moved.boxes[0] == pytest.approx([0.25, left, 0.75, right], abs=1e-6)


def test_boxes_outside_the_crop_go_with_what_belongs_to_them() -> None:
    """Of four boxes, one a fifth of the width each, the crop of half the width leaves some."""
    step = ScaleCropPad(output_size=40, scale_min=2.0, scale_max=2.0)
    boxes = [[0.0, left, 1.0, left + 0.1] for left in (0.0, 0.3, 0.6, 0.9)]
    moved = applied(step, of_image(columns(40, 80), boxes), seed=3)

    first = int(moved.image[0, 0, 0])
    kept = [
        number
        for number, (_, left, _, right) in enumerate(boxes)
        if right * 80 > first and left * 80 < first + 40
    ]
    assert 0 < len(kept) < 4
    assert moved.classes.tolist() == kept
    assert moved.weights.tolist() == [(number + 1) / 8 for number in kept]
    assert moved.ignored.tolist() == [number % 2 == 1 for number in kept]


def test_a_very_thin_image_keeps_a_row() -> None:
    """0.05 rows are none, and nothing could be resized to that."""
    step = ScaleCropPad(output_size=64, scale_min=0.1, scale_max=0.1)

    moved = applied(step, of_image(np.ones((4, 512, 3), np.uint8)))

    assert moved.image.sum() == 1 * 6 * 3


def test_a_scale_is_drawn_evenly_and_the_crop_anywhere() -> None:
    """0.3 to 2 times 64 px; of what is beyond 64 the crop takes every place."""
    step = ScaleCropPad(output_size=64, scale_min=0.3, scale_max=2.0)
    whole = of_image(columns(80, 80), [[0, 0, 1, 1]])
    filled = draws(step, whole, lambda s: s.boxes[0, 2:])

    # A square image fills its share of the output, and all of it from a scale of 1 on.
    assert filled[:, 0] == pytest.approx(filled[:, 1], abs=1e-6)
    assert 0.28 < filled.min() < 0.33
    assert (filled[:, 0] == 1).mean() == pytest.approx(1 / 1.7, abs=0.1)


PLACES = np.stack([*np.indices((100, 200), np.uint8), np.full((100, 200), 50, np.uint8)], axis=2)


@pytest.mark.parametrize(("scale", "side"), [(0.25, 50), (0.9, 180), (1.3, 260)])
def test_a_square_around_a_pixel(scale: float, side: int) -> None:
    """Of 100 x 200; blue tells the image from the black beside it; its last row is never seen."""
    step = SquareCropByScale(32, (scale, scale), 1)
    box = np.array([30, 60, 70, 150])
    centers = []
    for example in range(120):
        moved = applied(step, of_image(PLACES, [box / [100, 200, 100, 200]]), example)
        assert moved.image.shape == (side, side, 3)
        there = np.argwhere(moved.image[:, :, 2] == 50)
        first, last = there.min(axis=0), there.max(axis=0)
        begin = moved.image[tuple(first)][:2].astype(int) - first
        assert np.all(moved.image[tuple(last)][:2] == begin + last)
        expected = np.clip((box.reshape(2, 2) - begin) / side, 0, 1)
        if (expected[0] < expected[1]).all():
            assert moved.boxes[0] == pytest.approx(expected.ravel(), abs=1e-5)
        else:
            assert len(moved.boxes) == 0
        centers.append(begin + side // 2)
    # 100 is more than twice 32; so is 200.
    assert np.min(centers, axis=0) == pytest.approx([32, 32], abs=6)
    assert np.max(centers, axis=0) == pytest.approx([68, 168], abs=6)
    assert np.mean(centers, axis=0) == pytest.approx([50, 100], abs=10)


def test_the_border_is_halved_for_a_small_image() -> None:
    """128 of 100 rows: to 32, so that more than nothing is left; of 200 columns to 64."""
    step = SquareCropByScale(128, (0.1, 0.1), 1)
    centers = draws(step, of_image(PLACES), lambda s: s.image[10, 10, :2], 200)

    assert centers.min(axis=0) == pytest.approx([32, 64], abs=3)
    assert centers.max(axis=0) == pytest.approx([68, 136], abs=3)


def test_scales_are_evenly_spaced() -> None:
    """Eight from 0.6 to 1.3 of the longer side, 200, cut to whole pixels; each alike."""
    sides = draws(
        build_step("random_square_crop_by_scale", ""), of_image(PLACES), lambda s: len(s.image), 400
    )

    found, counts = np.unique(sides, return_counts=True)
    assert found == pytest.approx([120, 140, 160, 180, 200, 220, 240, 260], abs=1)
    assert np.abs(counts - 50).max() < 30


@given(
    seed=st.integers(0, 2**31),
    ymin=st.integers(0, 60),
    xmin=st.integers(0, 80),
    height=st.integers(10, 36),
    width=st.integers(10, 40),
)
@settings(max_examples=25, deadline=None)
def test_a_box_stays_around_what_it_frames(
    seed: int, ymin: int, xmin: int, height: int, width: int
) -> None:
    """A bright square on black, flipped, scaled, cropped: boxes stay in order, and on it."""
    image = np.zeros((96, 120, 3), np.float32)
    image[ymin : ymin + height, xmin : xmin + width] = 200
    scale = np.array([96, 120, 96, 120])
    box = np.array([ymin, xmin, ymin + height, xmin + width]) / scale
    moved = applied(STEPS, of_image(image, [box]), seed=seed)

    boxes = moved.boxes
    assert np.all((boxes >= 0) & (boxes <= 1))
    assert np.all(boxes[:, :2] <= boxes[:, 2:])
    bright = np.argwhere(moved.image[:, :, 0] > 100)
    if len(bright) == 0:
        assert np.all(np.min(boxes[:, 2:] - boxes[:, :2], axis=1, initial=0) * 64 < 2.5)
        return
    there = np.concatenate([bright.min(axis=0), bright.max(axis=0) + 1])
    # A resized edge is blurred by up to the size of a source pixel; 2 px of the crop at most.
    assert boxes[0] * 64 == pytest.approx(there, abs=2.5)
