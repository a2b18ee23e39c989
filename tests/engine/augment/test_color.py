"""Brightness, contrast, hue, saturation, gamma, grey."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from odapi_runner.engine.augment.spec import AdjustContrast, AdjustHue, AdjustSaturation
from support.augmenting import applied, build_step, draws, of_image, painted


def flat(*color: int) -> np.ndarray:
    return np.full((2, 3, 3), color, np.uint8)


def hsv(pixel: np.ndarray) -> tuple[float, float, float]:
    return colorsys.rgb_to_hsv(*(pixel.astype(float) / 255))


@pytest.mark.parametrize("kind", ["rgb_to_gray", "random_rgb_to_gray"])
def test_gray_is_the_luma(kind: str) -> None:
    """0.2989 * 200 + 0.587 * 100 + 0.114 * 50 = 124.18, three times."""
    options = "" if kind == "rgb_to_gray" else "probability: 1"
    gray = applied(build_step(kind, options), of_image(flat(200, 100, 50)))

    assert gray.image == pytest.approx(np.full((2, 3, 3), 124.18), abs=1e-3)


def test_gray_comes_with_its_probability() -> None:
    """At 0 never, at 0.25 in about 75 of 300 (standard deviation 7.5)."""

    def grays(options: str) -> int:
        step = build_step("random_rgb_to_gray", options)
        return int(
            draws(step, of_image(flat(200, 100, 50)), lambda s: np.ptp(s.image[0, 0]) < 1).sum()
        )

    assert grays("probability: 0") == 0
    assert 45 < grays("probability: 0.25") < 105


def test_gamma_and_gain() -> None:
    """255 * 1.5 * (51 / 255)^2 = 15.3; 255 * 1.5 is beyond 255."""
    image = np.array([[[51, 255, 0]]], np.uint8)
    changed = applied(build_step("adjust_gamma", "gamma: 2 gain: 1.5"), of_image(image))

    assert changed.image[0, 0] == pytest.approx([15.3, 255, 0], abs=1e-3)


def test_brightness_adds_up_to_its_delta() -> None:
    """An even draw of -51..51 at the default of 0.2, the same for all pixels, clipped at 255."""
    step = build_step("random_adjust_brightness", "")
    image = np.array([[[100, 150, 250]]], np.uint8)
    found = draws(step, of_image(image), lambda s: s.image[0, 0]) - [100, 150, 250]

    assert found[:, 0] == pytest.approx(found[:, 1], abs=1e-3)
    assert found[:, 2] == pytest.approx(np.minimum(found[:, 0], 5), abs=1e-3)
    assert -51 <= found[:, 0].min() < -47
    assert 47 < found[:, 0].max() <= 51
    # The standard deviation of the mean of 300 is 1.7.
    assert abs(found[:, 0].mean()) < 6


def test_contrast_is_about_the_mean_of_each_channel() -> None:
    """Means are 100, 60, 30; what differs from them is doubled."""
    image = np.array([[[90, 60, 10], [110, 60, 50]]], np.uint8)
    changed = applied(AdjustContrast((2.0, 2.0)), of_image(image))

    assert changed.image[0] == pytest.approx(np.array([[80, 60, 0], [120, 60, 70]]), abs=1e-3)


def test_contrast_and_saturation_are_drawn_from_their_range() -> None:
    """Evenly of 0.8..1.25 by default: 1.025 at the mean, standard deviation of it 0.0075."""
    image = np.array([[[100, 100, 100], [120, 120, 120]]], np.uint8)
    contrast = draws(
        build_step("random_adjust_contrast", ""),
        of_image(image),
        lambda s: (s.image[0, 1, 0] - s.image[0, 0, 0]) / 20,
    )
    before = hsv(flat(100, 80, 90)[0, 0])[1]
    saturation = draws(
        build_step("random_adjust_saturation", ""),
        of_image(flat(100, 80, 90)),
        lambda s: hsv(s.image[0, 0])[1] / before,
    )

    for found in (contrast, saturation):
        assert 0.8 - 1e-3 <= found.min() < 0.82
        assert 1.23 < found.max() <= 1.25 + 1e-3
        assert found.mean() == pytest.approx(1.025, abs=0.03)


def test_hue_turns_both_ways() -> None:
    """Evenly by -0.1..0.1 of the circle; saturation and value stay."""
    color = flat(90, 200, 60)
    before = hsv(color[0, 0])
    after = draws(
        build_step("random_adjust_hue", "max_delta: 0.1"),
        of_image(color),
        lambda s: hsv(s.image[0, 0]),
    )
    delta = after[:, 0] - before[0]

    assert -0.1 - 1e-3 <= delta.min() < -0.09
    assert 0.09 < delta.max() <= 0.1 + 1e-3
    assert abs(delta.mean()) < 0.012
    assert after[:, 1:] == pytest.approx(np.tile(before[1:], (300, 1)), abs=1e-3)


def test_adjustments_do_not_depend_on_the_unit() -> None:
    """As TensorFlow's own on pixels divided by 255, which is what the API calls."""
    tf = pytest.importorskip("tensorflow")
    image = painted().image
    shares = tf.constant(image, tf.float32) / 255
    for step, expected in (
        (AdjustHue(0.0), shares),
        (AdjustSaturation((1.7, 1.7)), tf.image.adjust_saturation(shares, 1.7)),
        (AdjustContrast((0.6, 0.6)), tf.image.adjust_contrast(shares, 0.6)),
    ):
        wanted = np.clip(expected.numpy() * 255, 0, 255)
        assert applied(step, of_image(image)).image == pytest.approx(wanted, abs=1e-2)


@pytest.mark.parametrize("ordering", [0, 1])
def test_distortion_changes_all_four(ordering: int) -> None:
    """A color keeps neither its value nor its saturation nor its hue; grey keeps its hue."""
    step = build_step("random_distort_color", f"color_ordering: {ordering}")
    found = draws(step, of_image(flat(90, 170, 60)), lambda s: hsv(s.image[0, 0]), 100)
    image = np.array([[[60] * 3, [120] * 3]], np.uint8)
    gray = draws(step, of_image(image), lambda s: np.ptp(s.image, axis=2).max(), 20)

    assert (found.std(axis=0) > [0.05, 0.05, 0.04]).all()
    assert gray.max() < 1e-3
