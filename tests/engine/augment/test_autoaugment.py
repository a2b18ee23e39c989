"""AutoAugment's operations, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from odapi_runner.engine.augment.autoaugment import regions, tones, warps
from odapi_runner.engine.augment.autoaugment.policies import POLICIES
from odapi_runner.engine.augment.spec import AutoAugment
from support.augmenting import HEIGHT, PLACES, WIDTH, applied, draws, of_image, painted

RANDOM = np.random.default_rng(3).integers(40, 200, (32, 48, 3)).astype(np.uint8)
SIZE = tf.constant([HEIGHT, WIDTH], tf.float32)
SEED = tf.constant([1, 2], tf.int64)


def pillow(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image)


def test_brightness_is_pillows() -> None:
    """Level 8 is a factor of 1.54."""
    expected = ImageEnhance.Brightness(pillow(RANDOM)).enhance(1.54)

    assert np.abs(tones.brightness(RANDOM, 8).numpy().astype(int) - np.asarray(expected)).max() <= 1


def test_color_is_pillows() -> None:
    """Level 10 is a factor of 1.9, level 0 of 0.1; grey is rounded in other ways."""
    for level, factor in ((10, 1.9), (0, 0.1)):
        expected = np.asarray(ImageEnhance.Color(pillow(RANDOM)).enhance(factor)).astype(int)
        assert np.abs(tones.color(RANDOM, level).numpy().astype(int) - expected).max() <= 2


def test_sharpness_is_pillows() -> None:
    """Level 8 is a factor of 1.54; the outermost pixels stay."""
    smooth = np.asarray(pillow(RANDOM).filter(ImageFilter.SMOOTH)).astype(float)
    expected = np.clip(smooth + 1.54 * (RANDOM - smooth), 0, 255)
    found = tones.sharpness(RANDOM, 8).numpy()

    assert np.abs(found[1:-1, 1:-1] - expected[1:-1, 1:-1]).max() <= 2
    inner = np.s_[1:-1, 1:-1]
    different = found != RANDOM
    different[inner] = False
    assert not different.any()


def test_contrast_is_about_a_number_that_is_no_mean() -> None:
    """6 x 64 pixels: 384 / 256 = 1, then 1 + 1.9 * (100 - 1) = 189; of a large image 255."""
    small, large = np.full((6, 64, 3), 100, np.uint8), np.full((300, 300, 3), 200, np.uint8)

    assert np.unique(tones.contrast(small, 10)) == [189]
    assert np.unique(tones.contrast(large, 10)) == [int(255 - 1.9 * 55)]


@pytest.mark.parametrize("image", [RANDOM, painted().image, np.full((9, 9, 3), 77, np.uint8)])
def test_the_histogram_operations_are_pillows(image: np.ndarray) -> None:
    """Also of few values, and of one only."""
    contrast = np.asarray(ImageOps.autocontrast(pillow(image))).astype(int)

    assert np.array_equal(tones.equalize(image), ImageOps.equalize(pillow(image)))
    assert np.abs(tones.autocontrast(image).numpy() - contrast).max() <= 1


def test_posterize_and_solarize() -> None:
    """Level 2 leaves a bit, 10 four; 6 inverts from 153 on; 8 adds 88 below 128."""
    values = np.array([[[3, 100, 127], [128, 153, 250]]], np.uint8)

    assert tones.posterize(values, 2).numpy().ravel().tolist() == [0, 0, 0, 128, 128, 128]
    assert tones.posterize(values, 10).numpy().ravel().tolist() == [0, 96, 112, 128, 144, 240]
    assert tones.solarize(values, 6).numpy().ravel().tolist() == [3, 100, 127, 128, 102, 5]
    assert np.array_equal(tones.solarize(values, 10), values)
    assert tones.solarize_add(values, 8).numpy().ravel().tolist() == [91, 188, 215, 128, 153, 250]


def test_a_square_is_filled_with_grey() -> None:
    """Two rows and columns to each side of (3, 1), as far as the image goes."""
    found = tones.fill_square(np.zeros((8, 8, 3), np.uint8), tf.constant([3, 1]), 2).numpy()

    assert np.argwhere(found[:, :, 0] == 128).min(axis=0).tolist() == [1, 0]
    assert np.argwhere(found[:, :, 0] == 128).max(axis=0).tolist() == [4, 2]
    assert (found != 0).sum() == 4 * 3 * 3


def around(image: np.ndarray, place: int) -> np.ndarray:
    """The box around the pixels of a box's color, in pixels."""
    color = painted().image[tuple(PLACES[place][:2])]
    there = np.argwhere((image == color).all(axis=2))
    return np.concatenate([there.min(axis=0), there.max(axis=0) + 1])


SCALE = np.array([HEIGHT, WIDTH] * 2)


@pytest.mark.parametrize("degrees", [-20.0, -8.0, 9.0, 20.0])
def test_boxes_turn_with_the_image(degrees: float) -> None:
    """Around the turned corners, to two pixels, where those are in the image."""
    sample = painted()
    angle = tf.constant(degrees)
    image = warps.rotate(tf.constant(sample.image), angle).numpy()
    boxes = warps.rotate_boxes(tf.constant(sample.boxes), SIZE, angle).numpy()

    whole = [place for place in range(6) if boxes[place].min() > 0 and boxes[place].max() < 1]
    assert len(whole) >= 2
    for place in whole:
        assert boxes[place] * SCALE == pytest.approx(around(image, place), abs=2.5)
    # What was not in the image is grey.
    assert image[0, 0].tolist() == [128] * 3
    assert image[HEIGHT // 2, 1].tolist() in ([120] * 3, [128] * 3)


def test_turning_is_counterclockwise() -> None:
    """By 30 degrees the box in the middle of the top goes to the left."""
    (box,) = warps.rotate_boxes(tf.constant(painted().boxes[1:2]), SIZE, tf.constant(30.0)).numpy()
    middle = (box[1] + box[3]) / 2

    assert middle < (painted().boxes[1, 1] + painted().boxes[1, 3]) / 2 - 0.05


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("pixels", [-9.0, 7.0])
def test_boxes_move_with_the_image(axis: int, pixels: float) -> None:
    """Up or to the left, exactly."""
    sample = painted()
    image = warps.translate(tf.constant(sample.image), tf.constant(pixels), axis).numpy()
    boxes = warps.translate_boxes(
        tf.constant(sample.boxes), SIZE, tf.constant(pixels), axis
    ).numpy()

    for place in range(6):
        assert boxes[place] * SCALE == pytest.approx(around(image, place), abs=1e-3)
    moved = PLACES[0][axis] - pixels
    assert boxes[0, axis] * SCALE[axis] == pytest.approx(moved, abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("level", [-0.12, 0.12])
def test_boxes_are_sheared_with_the_image(axis: int, level: float) -> None:
    """Around the sheared corners, to two pixels."""
    sample = painted()
    image = warps.shear(tf.constant(sample.image), tf.constant(level), axis).numpy()
    boxes = warps.shear_boxes(tf.constant(sample.boxes), SIZE, tf.constant(level), axis).numpy()

    for place in range(6):
        assert boxes[place] * SCALE == pytest.approx(around(image, place), abs=2.5)


def test_a_box_that_leaves_the_image_keeps_a_margin() -> None:
    """A twentieth at the side where it went; nobody drops boxes here."""
    box = tf.constant([[0.1, 0.1, 0.2, 0.2]])
    left, right = (
        warps.translate_boxes(box, SIZE, tf.constant(pixels), 1).numpy()[0]
        for pixels in (100.0, -200.0)
    )

    assert left == pytest.approx([0.1, 0, 0.2, 0.05], abs=1e-6)
    assert right == pytest.approx([0.1, 0.95, 0.2, 1], abs=1e-6)


def test_the_content_of_boxes_changes_and_nothing_else() -> None:
    """With a probability of 3 that of all, inverted; with 1.5 of about half of them."""
    sample = painted()
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for ymin, xmin, ymax, xmax in PLACES:
        inside[ymin : ymax + 1, xmin : xmax + 1] = True  # the last pixel is included
    image, boxes = tf.constant(sample.image), tf.constant(sample.boxes)
    every = regions.change_boxes(image, boxes, 3.0, lambda content, _: 255 - content, SEED)
    counts = []
    for example in range(60):
        seed = tf.constant([4, example], tf.int64)
        some = regions.change_boxes(image, boxes, 1.5, lambda content, _: 255 - content, seed)
        middles = (PLACES[:, :2] + 8).T
        counts.append((some.numpy()[*middles] != sample.image[*middles]).any(axis=1).sum())

    assert np.array_equal(every.numpy()[inside], 255 - sample.image[inside])
    assert np.array_equal(every.numpy()[~inside], sample.image[~inside])
    assert np.mean(counts) == pytest.approx(3, abs=0.7)


def test_a_part_of_one_box_is_cut_out() -> None:
    """Level 10: up to three quarters of a box's sides, around a place in it; without boxes none."""
    sample = painted()
    image, boxes = tf.constant(sample.image), tf.constant(sample.boxes)
    chosen = set()
    for example in range(60):
        seed = tf.constant([4, example], tf.int64)
        found = np.argwhere(
            (regions.cut_out_of_box(image, boxes, 10, seed) == 128).numpy().all(axis=2)
        )
        size = found.max(axis=0) - found.min(axis=0) + 1
        assert size.tolist() <= [24, 28]
        center = found.mean(axis=0)
        chosen.add(int(np.abs(PLACES[:, :2] + [15, 17] - center).sum(axis=1).argmin()))
    nothing = regions.cut_out_of_box(image, boxes[:0], 10, SEED)

    assert chosen == set(range(6))
    assert np.array_equal(nothing, sample.image)


def test_an_operation_goes_either_way() -> None:
    """The policy `test` moves by 100 pixels to the left or to the right, in equal parts."""
    wide = of_image(np.full((20, 400, 3), 9, np.uint8), [[0, 0.4, 1, 0.6]])
    left = draws(AutoAugment("test"), wide, lambda s: s.boxes[0, 1])

    assert set(np.round(left, 3)) == {np.float32(0.15), np.float32(0.65)}
    assert 110 < (left < 0.4).sum() < 190


def test_one_sub_policy_is_drawn() -> None:
    """Of v0 the fifth alone changes colors (always), and boxes with 0.6; a fifth of 300 is 60."""
    sample = of_image(np.full((50, 50, 3), 128, np.uint8), [[0.2, 0.3, 0.7, 0.6]])
    boxes = draws(AutoAugment("v0"), sample, lambda s: s.boxes[0])
    moved = np.abs(boxes - sample.boxes[0]).max(axis=1) > 1e-2

    # Moved: 0.6 of the first, all of the fourth, 0.6 of the fifth; a shear of level 0 is none,
    # but cuts boxes to pixels.
    assert moved.mean() == pytest.approx((0.6 + 1 + 0.6) / 5, abs=0.12)


def test_policies_name_operations_that_exist() -> None:
    """20 of v1 begin with the five of v0."""
    assert {name: len(policy) for name, policy in POLICIES.items()} == {
        "v0": 5,
        "v1": 20,
        "v2": 15,
        "v3": 15,
        "test": 1,
    }
    for name in POLICIES:
        assert applied(AutoAugment(name), painted()).image.shape == (HEIGHT, WIDTH, 3)
