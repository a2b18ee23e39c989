"""Mirroring, and turning by a quarter."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.engine.augment.spec import (
    Augmentation,
    HorizontalFlip,
    Rotation90,
    VerticalFlip,
)
from support.augmenting import applied, build_step, draws, of_image, painted

NUMBERED = np.arange(8, dtype=np.uint8).reshape(2, 4, 1) + np.zeros(3, np.uint8)
BOXES = [[0.25, 0.0, 0.5, 0.25], [0.0, 0.5, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("step", "pixels", "boxes"),
    [
        (
            HorizontalFlip(1.0),
            [[3, 2, 1, 0], [7, 6, 5, 4]],
            [[0.25, 0.75, 0.5, 1.0], [0.0, 0.0, 1.0, 0.5]],
        ),
        (
            VerticalFlip(1.0),
            [[4, 5, 6, 7], [0, 1, 2, 3]],
            [[0.5, 0.0, 0.75, 0.25], [0.0, 0.5, 1.0, 1.0]],
        ),
        # What was on the right is on top.
        (
            Rotation90(1.0),
            [[3, 7], [2, 6], [1, 5], [0, 4]],
            [[0.75, 0.25, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]],
        ),
    ],
)
def test_image_and_boxes_turn_together(
    step: Augmentation, pixels: list[list[int]], boxes: list[list[float]]
) -> None:
    """Worked out by hand, for two rows of four pixels."""
    turned = applied(step, of_image(NUMBERED, BOXES))

    assert turned.image[:, :, 0].tolist() == pixels
    assert turned.boxes.tolist() == boxes
    assert turned.classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("step", "times"), [(HorizontalFlip(1.0), 2), (VerticalFlip(1.0), 2), (Rotation90(1.0), 4)]
)
def test_turning_back_is_nothing(step: Augmentation, times: int) -> None:
    """Twice mirrored, or turned four times, all is as it was."""
    before = painted()
    after = applied([step] * times, before)

    assert np.array_equal(after.image, before.image)
    assert after.boxes == pytest.approx(before.boxes, abs=1e-6)


@pytest.mark.parametrize(
    "kind", ["random_horizontal_flip", "random_vertical_flip", "random_rotation90"]
)
def test_it_happens_with_its_probability(kind: str) -> None:
    """At 0 never, at 1 always, at 0.3 in about 90 of 300 (deviation 8), by default half."""
    one = of_image(NUMBERED)

    def changes(options: str) -> int:
        return int(draws(build_step(kind, options), one, lambda s: s.image[0, 0, 0] > 0).sum())

    assert changes("probability: 0") == 0
    assert changes("probability: 1") == 300
    assert 60 < changes("probability: 0.3") < 120
    assert 115 < changes("") < 185
