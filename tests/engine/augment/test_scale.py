"""Resizing."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.engine.augment.spec import ImageScale, ResizeImage, ResizeMethod
from support.augmenting import applied, build_step, draws, of_image, painted

FOUR = np.array([[[0] * 3, [100] * 3], [[200] * 3, [100] * 3]], np.uint8)


def test_an_image_is_scaled_by_an_even_draw() -> None:
    """0.5 to 2 times 120 x 160, cut to whole pixels; boxes are shares, and stay."""
    sizes = draws(build_step("random_image_scale", ""), painted(), lambda s: s.image.shape[:2])

    ratios = sizes / [120, 160]
    assert np.abs(ratios[:, 0] - ratios[:, 1]).max() < 1 / 120
    assert 0.49 < ratios.min() < 0.52
    assert 1.97 < ratios.max() <= 2
    assert ratios.mean() == pytest.approx(1.25, abs=0.1)
    assert np.array_equal(applied(ImageScale((0.5, 2.0)), painted()).boxes, painted().boxes)


def test_scaling_keeps_corners_where_they_are() -> None:
    """Twice as large with aligned corners: a pixel between is a third or two of the way."""
    found = applied(ImageScale((2.0, 2.0)), of_image(FOUR)).image[:, :, 0]

    assert found[0] == pytest.approx([0, 100 / 3, 200 / 3, 100], abs=1e-3)
    assert found[:, 0] == pytest.approx([0, 200 / 3, 400 / 3, 200], abs=1e-3)


def test_a_thin_image_keeps_a_row() -> None:
    """Half of a row would be none."""
    thin = of_image(np.full((1, 30, 3), 7, np.uint8))

    assert applied(ImageScale((0.5, 0.5)), thin).image.shape == (1, 15, 3)


@pytest.mark.parametrize(
    ("method", "row"),
    [
        # TF1's sampling: pixel x of the new image is x / 2 of the old one.
        ("BILINEAR", [0, 50, 100, 100]),
        ("NEAREST_NEIGHBOR", [0, 0, 100, 100]),
        ("AREA", [0, 0, 100, 100]),
    ],
)
def test_resizing_by_each_method(method: str, row: list[float]) -> None:
    """Two columns to four; the aspect ratio may change."""
    found = applied(ResizeImage(3, 4, method), of_image(FOUR)).image

    assert found.shape == (3, 4, 3)
    assert found[0, :, 0] == pytest.approx(row)


def test_a_resize_method_is_one_of_four() -> None:
    """Each in about 75 of 300 examples, standard deviation 7.5."""
    kinds = ("BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA")
    image = painted().image[:20, :20]
    known = [applied(ResizeImage(27, 31, kind), of_image(image)).image for kind in kinds]

    def method(found: np.ndarray) -> int:
        (number,) = (n for n, one in enumerate(known) if np.array_equal(found, one))
        return number

    drawn = draws(ResizeMethod(27, 31), of_image(image), lambda s: method(s.image))
    assert np.all(np.abs(np.bincount(drawn, minlength=4) - 75) < 30)


def test_downscaling_to_a_number_of_pixels() -> None:
    """Of 19200 to 5000..9000, even; a target above the image's leaves it, random_coef too."""
    kind = "random_downscale_to_target_pixels"
    options = "min_target_pixels: 5000 max_target_pixels: 9000"
    sizes = draws(build_step(kind, options), painted(), lambda s: s.image.shape[:2])
    pixels = sizes.prod(axis=1)

    # Each side loses less than a pixel.
    assert 4800 < pixels.min() < 5100
    assert 8700 < pixels.max() < 9000
    assert pixels.mean() == pytest.approx(6900, abs=250)
    assert sizes[:, 1] / sizes[:, 0] == pytest.approx(np.full(300, 4 / 3), abs=0.02)
    assert applied(build_step(kind, ""), painted()).image.shape == (120, 160, 3)
    for coef, share in ((1.0, 1.0), (0.3, 0.3)):
        step = build_step(kind, f"{options} random_coef: {coef}")
        kept = draws(step, painted(), lambda s: len(s.image) == 120, 200)
        assert kept.mean() == pytest.approx(share, abs=0.13)


def test_boxes_in_pixels() -> None:
    """Shares of 120 x 160."""
    step = build_step("scale_boxes_to_pixel_coordinates", "")
    sample = of_image(painted().image, [[0.25, 0.5, 0.5, 1.0]])

    assert applied(step, sample).boxes.tolist() == [[30, 80, 60, 160]]
