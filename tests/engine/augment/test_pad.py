"""Random padding."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.engine.augment.spec import (
    AbsolutePadImage,
    CropPadImage,
    Padding,
    PadImage,
)
from odapi_runner.engine.records import Sample
from support.augmenting import applied, build_step, draws, of_image, painted

COLOR = (7.0, 8.0, 9.0)
# No pixel has the padding's color.
IMAGE = np.full((40, 60, 3), 100, np.uint8)
WHOLE = [[0, 0, 1, 1], [0.25, 0.5, 0.5, 1]]


def frame(sample: Sample) -> np.ndarray:
    """Where the image is in the padded one: its first row and column, then its size."""
    inside = np.argwhere(sample.image[:, :, 0] == 100)
    first, last = inside.min(axis=0), inside.max(axis=0)
    return np.concatenate([first, last - first + 1])


def test_padding_is_anywhere_around_the_image() -> None:
    """Sizes evenly from 40 x 60 on, below twice of it; places evenly; boxes move along."""
    step = PadImage(None, None, COLOR)
    sizes, places = [], []
    for example in range(300):
        moved = applied(step, of_image(IMAGE, WHOLE), example)
        size, place = np.array(moved.image.shape[:2]), frame(moved)
        assert place[2:].tolist() == [40, 60]
        ends = np.concatenate([place[:2], place[:2] + place[2:]])
        assert moved.boxes[0] == pytest.approx(ends / [*size, *size], abs=1e-5)
        assert np.array_equal(np.unique(moved.image.reshape(-1, 3), axis=0)[-1], [100] * 3)
        sizes.append(size)
        places.append(place[:2] / np.maximum(size - [40, 60], 1))
    assert np.min(sizes, axis=0) == pytest.approx([40, 60], abs=2)
    assert np.max(sizes, axis=0) == pytest.approx([79, 119], abs=2)
    assert np.mean(sizes, axis=0) == pytest.approx([59.5, 89.5], abs=4)
    # Below the room that there is, so half a pixel short of the middle.
    assert np.mean(places, axis=0) == pytest.approx([0.47, 0.48], abs=0.07)


def test_without_a_color_the_mean_of_the_image_pads() -> None:
    """Half 0, half 100."""
    image = np.concatenate([np.zeros((20, 60, 3), np.uint8), IMAGE[:20]])
    found = applied(PadImage((60, 90), (60, 90), None), of_image(image)).image

    assert found.shape == (60, 90, 3)
    assert np.array_equal(np.unique(found), [0, 50, 100])
    assert (found[:, :, 0] == 50).sum() == 60 * 90 - 40 * 60


@pytest.mark.parametrize(
    ("smallest", "largest", "size"),
    [
        ((50, 70), (50, 70), (50, 70)),
        # Sizes below the image's are the image's.
        ((10, 10), (20, 20), (40, 60)),
        ((90, 10), (50, 20), (50, 60)),
    ],
)
def test_sizes_without_a_choice(
    smallest: tuple[int, int], largest: tuple[int, int], size: tuple[int, int]
) -> None:
    """The largest where nothing is below it."""
    found = applied(PadImage(smallest, largest, COLOR), of_image(IMAGE)).image

    assert found.shape == (*size, 3)


def test_absolute_padding() -> None:
    """By 0 to 9 rows and 0 to 4 columns, each alike."""
    step = AbsolutePadImage((10, 5), COLOR)
    sizes = draws(step, of_image(IMAGE), lambda s: s.image.shape[:2])

    assert set(sizes[:, 0]) == set(range(40, 50))
    assert set(sizes[:, 1]) == set(range(60, 65))
    unchanged = applied(build_step("random_absolute_pad_image", ""), of_image(IMAGE, WHOLE))
    assert np.array_equal(unchanged.image, IMAGE)
    assert unchanged.boxes == pytest.approx(np.array(WHOLE))


def test_a_crop_is_padded_to_the_size_before_it() -> None:
    """By default from once on and below twice the image, cropped or not."""
    step = build_step("random_crop_pad_image", "min_object_covered: 0.1 max_area: 0.4")
    sizes = draws(step, painted(), lambda s: s.image.shape[:2])

    assert sizes.min(axis=0) == pytest.approx([120, 160], abs=3)
    assert sizes.max(axis=0) == pytest.approx([239, 319], abs=3)
    assert sizes.mean(axis=0) == pytest.approx([179.5, 239.5], abs=10)


def test_each_operation_has_a_padding_of_its_own() -> None:
    """The first one and a half times in red, the second twice in blue, uncropped."""
    (crop,) = build_step("random_crop_image", "random_coef: 1").operations  # type: ignore[union-attr]
    red, blue = (200.0, 0.0, 0.0), (0.0, 0.0, 200.0)
    step = CropPadImage(
        (crop, crop),
        (Padding((1.5, 1.5), (1.5, 1.5), red), Padding((2.0, 2.0), (2.0, 2.0), blue)),
    )
    seen = set()
    for example in range(30):
        found = applied(step, of_image(IMAGE), example).image
        colors = {tuple(one) for one in np.unique(found.reshape(-1, 3), axis=0)}
        colors.discard((100.0, 100.0, 100.0))
        seen.add((found.shape[:2], *colors))
    assert seen == {((60, 90), red), ((80, 120), blue)}


def test_padding_to_an_aspect_ratio() -> None:
    """Black at bottom and right: 40 x 60 to width = 3 * height is 40 x 120 and up to 80 x 240."""
    kind = "ssd_random_crop_pad_fixed_aspect_ratio"
    operation = (
        "operations { min_aspect_ratio: 0.5 max_aspect_ratio: 2 min_area: 0.1 max_area: 1 "
        "random_coef: 1 }"
    )
    step = build_step(kind, f"{operation} aspect_ratio: 3")
    sizes = []
    for example in range(200):
        moved = applied(step, of_image(IMAGE, WHOLE), example)
        height, width = moved.image.shape[:2]
        sizes.append([height, width])
        assert frame(moved).tolist() == [0, 0, 40, 60]
        assert moved.image[:40, :60].min() == 100
        assert moved.image.sum() == 40 * 60 * 300
        assert moved.boxes[0] == pytest.approx([0, 0, 40 / height, 60 / width], abs=1e-5)
    # The scale is even from 1 on to the lesser of 80 / 40 and 120 / 120: 1 only.
    assert np.unique(sizes, axis=0).tolist() == [[40, 120]]
    wide = build_step(kind, f"{operation} aspect_ratio: 1.5")
    rows = draws(wide, of_image(IMAGE), lambda s: s.image.shape[0])
    assert rows.min() == pytest.approx(40, abs=1)
    assert rows.max() == pytest.approx(80, abs=1)
    assert rows.mean() == pytest.approx(60, abs=4)
