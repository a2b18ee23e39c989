"""Random crops: what they hold, which boxes stay, and where they are then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.augment import window
from odapi_runner.engine.augment.spec import Crop, CropImage, CropToAspectRatio
from odapi_runner.engine.records import Sample
from support.augmenting import applied, build_step, draws, of_image, painted

# Red is the number of the row, green that of the column: a crop says where it was cut.
PLACES = np.stack([*np.indices((100, 200), np.uint8), np.zeros((100, 200), np.uint8)], axis=2)
LOOSE: dict[str, Any] = {
    "min_object_covered": 0.0,
    "aspect_ratio": (0.5, 2.0),
    "area": (0.1, 1.0),
    "overlap_threshold": 0.0,
    "clip_boxes": True,
    "random_coef": 0.0,
}


def crop(**options: Any) -> CropImage:
    return CropImage((Crop(**(LOOSE | options)),))


def view(sample: Sample) -> np.ndarray:
    """Which pixels of PLACES a crop is: ymin, xmin, ymax, xmax."""
    first, last = sample.image[0, 0, :2], sample.image[-1, -1, :2]
    return np.concatenate([first, last + 1]).astype(float)


def test_windows_cut_and_pad_by_pixels() -> None:
    """Rows 10 to 29, columns 50 to 89 of 100 x 200; then those in a canvas of 40 x 80."""
    box = [0.05, 0.25, 0.15, 0.5]  # rows 5 to 15, columns 50 to 100
    sample = Sample(*map(tf.constant, of_image(PLACES, [box])))
    cut = window.crop(sample, tf.constant([10, 50]), tf.constant([20, 40]))
    padded = window.pad(cut, tf.constant([15, 30]), tf.constant([40, 80]), tf.constant([1.0, 2, 3]))

    assert np.array_equal(cut.image, PLACES[10:30, 50:90])
    assert cut.boxes[0].numpy() == pytest.approx([-0.25, 0, 0.25, 1.25], abs=1e-6)
    assert np.array_equal(padded.image[15:35, 30:70], PLACES[10:30, 50:90])
    outside = np.ones((40, 80), bool)
    outside[15:35, 30:70] = False
    assert np.array_equal(np.unique(padded.image.numpy()[outside], axis=0), [[1, 2, 3]])
    assert padded.boxes[0].numpy() == pytest.approx([0.25, 0.375, 0.5, 1], abs=1e-6)


def test_a_box_that_ends_with_the_window_is_inside_to_the_last_bit() -> None:
    """A third of 99 rows has no exact share; a threshold of 1 keeps it."""
    sample = of_image(np.zeros((99, 99, 3), np.uint8), [[1 / 3, 1 / 3, 2 / 3, 2 / 3], [0, 0, 0, 1]])
    begin, end = tf.constant([33, 33]), tf.constant([66, 66])
    inside = window.covered(sample, window.normalized(begin, end, tf.constant([99, 99])))

    assert inside[0] == 1
    assert not inside[1] >= 0  # without area: no number, and below every threshold


def test_a_crop_has_the_area_and_the_ratio_asked_for() -> None:
    """A tenth to a half of the image, 0.8 to 1.5 times as wide as high, to a pixel."""
    step = crop(area=(0.1, 0.5), aspect_ratio=(0.8, 1.5))
    sizes = draws(step, of_image(PLACES), lambda s: s.image.shape[:2])

    areas, ratios = sizes.prod(axis=1) / 20000, sizes[:, 1] / sizes[:, 0]
    assert 0.09 < areas.min() < 0.15
    assert 0.4 < areas.max() < 0.52
    assert 0.77 < ratios.min() < 0.85
    assert 1.4 < ratios.max() < 1.55


def test_boxes_are_where_the_crop_was_cut() -> None:
    """The box of rows 40 to 70 and columns 60 to 150, clipped to the crop."""
    sample = of_image(PLACES, [[0.4, 0.3, 0.7, 0.75]])
    kept = 0
    for example in range(100):
        moved = applied(crop(), sample, example)
        ymin, xmin, ymax, xmax = view(moved)
        low = np.maximum([40, 60], [ymin, xmin])
        high = np.minimum([70, 150], [ymax, xmax])
        assert moved.image.shape[:2] == (ymax - ymin, xmax - xmin)
        assert len(moved.boxes) == bool((low < high).all())
        if len(moved.boxes):
            kept += 1
            expected = np.concatenate([low - [ymin, xmin], high - [ymin, xmin]])
            size = [ymax - ymin, xmax - xmin] * 2
            assert moved.boxes[0] == pytest.approx(expected / size, abs=1e-5)
    assert 20 < kept < 100


def test_enough_of_some_box_is_in_the_crop() -> None:
    """At least 0.9 of one of two; only those stay of which more than 0.907 is inside."""
    boxes = np.array([[0.1, 0.1, 0.3, 0.2], [0.6, 0.7, 0.9, 0.95]])
    step = crop(min_object_covered=0.9, overlap_threshold=0.907)
    counts = []
    for example in range(100):
        moved = applied(step, of_image(PLACES, boxes), example)
        frame = view(moved) / [100, 200, 100, 200]
        low, high = np.maximum(boxes[:, :2], frame[:2]), np.minimum(boxes[:, 2:], frame[2:])
        shares = np.maximum(high - low, 0).prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        # A pixel more or less is the window's rounding.
        assert shares.max() > 0.85
        assert set(moved.classes) == set(np.flatnonzero(shares >= 0.907))
        counts.append(len(moved.classes))
    assert set(counts) >= {1, 2}


def test_unclipped_boxes_go_on_beyond_the_crop() -> None:
    """clip_boxes: false leaves a box its size."""
    sample = of_image(PLACES, [[0.4, 0.3, 0.7, 0.75]])
    beyond = 0
    for example in range(40):
        moved = applied(crop(clip_boxes=False), sample, example)
        height, width = moved.image.shape[:2]
        for box in moved.boxes:
            size = (box[2:] - box[:2]) * [height, width]
            assert size == pytest.approx([30, 90], abs=1e-2)
            beyond += bool((box < 0).any() or (box > 1).any())
    assert beyond > 10


def test_where_no_crop_can_be_the_image_stays() -> None:
    """A box over nearly the whole of 100 x 200 is in no crop of a ratio of 0.5."""
    sample = of_image(PLACES, [[0, 0, 1, 1]])
    step = crop(min_object_covered=1.0, aspect_ratio=(0.5, 0.5), overlap_threshold=1.0)
    moved = applied(step, sample)

    assert np.array_equal(moved.image, PLACES)
    assert moved.boxes.tolist() == [[0, 0, 1, 1]]


def test_random_coef_is_the_probability_of_no_crop() -> None:
    """0.3 of 300 examples, standard deviation 0.026; 1 never crops."""
    whole = draws(
        crop(random_coef=0.3, area=(0.1, 0.5)), of_image(PLACES), lambda s: s.image.size == 60000
    )

    assert whole.mean() == pytest.approx(0.3, abs=0.1)
    assert np.array_equal(applied(crop(random_coef=1.0), of_image(PLACES)).image, PLACES)


def test_one_of_the_operations_is_drawn() -> None:
    """Evenly, and with its own options: four areas that cannot be confused."""
    areas = (0.1, 0.3, 0.5, 0.7)
    operations = [crop(area=(area - 0.02, area + 0.02)).operations[0] for area in areas]
    step = CropImage(tuple(operations))
    found = draws(step, of_image(PLACES), lambda s: s.image[..., 0].size / 20000, 400)

    nearest = np.abs(found[:, None] - areas).argmin(axis=1)
    assert np.abs(found - np.array(areas)[nearest]).max() < 0.03
    assert np.all(np.abs(np.bincount(nearest, minlength=4) - 100) < 40)


@pytest.mark.parametrize(
    ("ratio", "size"), [(1.0, (100, 100)), (4.0, (50, 200)), (0.3, (100, 30)), (2.0, (100, 200))]
)
def test_the_largest_window_of_an_aspect_ratio(ratio: float, size: tuple[int, int]) -> None:
    """Of 100 x 200, at every place that it can be."""
    step = CropToAspectRatio(ratio, 0.3, True)
    frames = draws(step, of_image(PLACES), view, 200)

    assert np.all(frames[:, 2:] - frames[:, :2] == size)
    room = np.array([100, 200]) - size
    assert frames[:, :2].min(axis=0) == pytest.approx([0, 0], abs=room.max() / 20)
    assert frames[:, :2].max(axis=0) == pytest.approx(room, abs=room.max() / 20)
    assert frames[:, :2].mean(axis=0) == pytest.approx(room / 2, abs=room.max() / 8)


def test_an_aspect_ratio_keeps_boxes_by_their_overlap() -> None:
    """At 0.25 a box of ten columns stays with three of them; at 0 none is without area."""
    sample = of_image(
        PLACES, [[0.2, left / 200, 0.4, (left + 10) / 200] for left in range(0, 191, 10)]
    )
    for example in range(20):
        for threshold in (0.25, 0.0):
            moved = applied(CropToAspectRatio(1.0, threshold, True), sample, example)
            _, xmin, _, xmax = view(moved)
            inside = [min(left + 10, xmax) - max(left, xmin) for left in range(0, 191, 10)]
            expected = [n for n, columns in enumerate(inside) if columns >= max(threshold * 10, 1)]
            assert moved.classes.tolist() == expected


def test_a_fixed_aspect_ratio_is_met_to_a_pixel() -> None:
    """Whether it was cropped before or, in 15 %, not; boxes are clipped."""
    step = build_step("ssd_random_crop_fixed_aspect_ratio", "")
    for example in range(40):
        moved = applied(step, painted(), example)
        height, width = moved.image.shape[:2]
        assert abs(height - width) <= 1
        assert np.all((moved.boxes >= 0) & (moved.boxes <= 1))


def test_the_defaults_of_ssd_crops() -> None:
    """Seven operations from no overlap to a whole box, each cropping in 85 %."""
    step = build_step("ssd_random_crop", "")
    assert isinstance(step, CropImage)
    whole = draws(step, painted(), lambda s: s.image.shape == (120, 160, 3), 400)

    assert [one.min_object_covered for one in step.operations] == [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1]
    # A window of all pixels, or none found, is rare beside the 15 % (standard deviation 1.8 %).
    assert 0.08 < whole.mean() < 0.25
