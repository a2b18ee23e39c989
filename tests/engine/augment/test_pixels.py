"""Ranges of values, noise, patches, compression."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from odapi_runner.engine.augment.spec import BlackPatches, PatchGaussian
from support.augmenting import applied, build_step, draws, of_image, painted

GRAY = np.full((40, 60, 3), 100, np.uint8)


def test_normalising_moves_a_range_onto_another() -> None:
    """0, 50, 200 of 0..200 are -1, -0.5, 1 of -1..1."""
    options = "original_minval: 0 original_maxval: 200 target_minval: -1 target_maxval: 1"
    image = np.array([[[0, 50, 200]]], np.uint8)

    changed = applied(build_step("normalize_image", options), of_image(image))
    assert changed.image[0, 0] == pytest.approx([-1, -0.5, 1])


def test_a_mean_a_channel_is_subtracted() -> None:
    """100 less 1, 2.5, 130."""
    step = build_step("subtract_channel_mean", "means: [1, 2.5, 130]")

    assert applied(step, of_image(GRAY)).image[3, 4].tolist() == [99, 97.5, -30]


def test_each_value_is_scaled_by_itself() -> None:
    """7200 values of 0.9..1.1 times 100: even, and 255 is the end."""
    found = applied(build_step("random_pixel_value_scale", ""), of_image(GRAY)).image
    white = applied(build_step("random_pixel_value_scale", ""), of_image(GRAY + 150)).image

    assert 90 <= found.min() < 90.1
    assert 109.9 < found.max() <= 110
    assert found.mean() == pytest.approx(100, abs=0.3)
    assert found.std() == pytest.approx(20 / 12**0.5, abs=0.1)
    assert white.max() == 255


def patches(image: np.ndarray) -> int:
    return int((image.max(axis=2) == 0).sum())


def test_black_patches() -> None:
    """One always there is a square of 0.25 * 40 pixels, anywhere but not across the sides."""
    step = BlackPatches(1, 1.0, 0.25)
    places = []
    for example in range(200):
        black = np.argwhere(applied(step, of_image(GRAY), example).image[:, :, 0] == 0)
        first, last = black.min(axis=0), black.max(axis=0)
        assert (last - first + 1).tolist() == [10, 10]
        assert len(black) == 100
        places.append(first)
    # Evenly of 0..30 of 40 rows, of 0..45 of 60 columns.
    assert np.min(places, axis=0).tolist() <= [1, 1]
    assert np.max(places, axis=0).tolist() >= [28, 42]
    assert np.mean(places, axis=0) == pytest.approx([14.5, 22], abs=2.5)


def test_as_many_patches_as_are_drawn() -> None:
    """Of eight each with probability 1/2; of none or with probability 0 nothing changes."""
    count = draws(
        BlackPatches(1, 0.5, 0.25), of_image(GRAY), lambda s: patches(s.image) == 100, 300
    ).sum()
    several = draws(BlackPatches(8, 0.5, 0.1), of_image(GRAY), lambda s: patches(s.image), 200)

    assert 115 < count < 185
    # 16 pixels each; they rarely overlap.
    assert several.mean() == pytest.approx(4 * 16, abs=6)
    for step in (BlackPatches(0, 1.0, 0.1), BlackPatches(5, 0.0, 0.1)):
        assert np.array_equal(applied(step, of_image(GRAY)).image, GRAY)


def test_jpeg_quality() -> None:
    """Quality 30 gives about what Pillow makes of a JPEG of that quality; 1 is worse."""
    image = painted().image
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "jpeg", quality=30)
    expected = np.asarray(Image.open(stream)).astype(float)
    found = applied(
        build_step("random_jpeg_quality", "min_jpeg_quality: 30 max_jpeg_quality: 31"),
        of_image(image),
    ).image
    worse = applied(
        build_step("random_jpeg_quality", "min_jpeg_quality: 1 max_jpeg_quality: 2"),
        of_image(image),
    ).image

    assert np.abs(found - expected).mean() < 1
    assert np.abs(worse - image).mean() > 2 * np.abs(found - image).mean()


@pytest.mark.parametrize("kind", ["random_jpeg_quality", "random_patch_gaussian"])
def test_random_coef_is_the_probability_to_do_nothing(kind: str) -> None:
    """At 1 nothing happens, at 0 something always, at 0.75 in about 75 of 300."""

    def changes(coef: float) -> int:
        options = f"random_coef: {coef}"
        if kind == "random_patch_gaussian":
            options += " min_patch_size: 20 min_gaussian_stddev: 0.5"
        else:
            options += " max_jpeg_quality: 20"
        sample = painted()
        step = build_step(kind, options)
        return int(draws(step, sample, lambda s: not np.array_equal(s.image, sample.image)).sum())

    assert changes(1.0) == 0
    assert changes(0.0) == 300
    assert 45 < changes(0.75) < 105


def test_noise_is_in_one_square() -> None:
    """Ten by ten pixels around one of the image, cut off at its sides; the rest stays."""
    step = PatchGaussian(0.0, 10, 11, (0.2, 0.2))
    sizes, noise = [], []
    for example in range(100):
        image = applied(step, of_image(GRAY), example).image
        changed = np.argwhere((image != 100).any(axis=2))
        sizes.append(changed.max(axis=0) - changed.min(axis=0) + 1)
        noise.append(image[image != 100].astype(float) - 100)
    assert np.max(sizes, axis=0).tolist() == [10, 10]
    assert np.min(sizes, axis=0).tolist() >= [5, 5]
    values = np.concatenate(noise)
    # 0.2 * 255 = 51; what falls below 0 is clipped, which is where 2.5 % would be.
    assert values.mean() == pytest.approx(0.5, abs=1.5)
    assert values.std() == pytest.approx(50.2, abs=1.5)
    assert values.min() == -100


def test_patch_sizes_are_drawn_from_their_range() -> None:
    """4 to 7, since the largest is not drawn; an image of the same pixels all over."""
    step = PatchGaussian(0.0, 4, 8, (1.0, 1.0))
    large = of_image(np.full((200, 200, 3), 100, np.uint8))

    def height(sample: object) -> int:
        rows = np.flatnonzero((sample.image != 100).any(axis=(1, 2)))  # type: ignore[attr-defined]
        return int(np.ptp(rows)) + 1

    found = draws(step, large, height, 200)
    assert set(found) - {2, 3} == {4, 5, 6, 7}
