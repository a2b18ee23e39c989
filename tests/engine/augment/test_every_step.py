"""What holds for every step of preprocessor.proto."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.augment.spec import AutoAugment
from odapi_runner.engine.records import Sample
from odapi_runner.proto.messages import message_class
from support.augmenting import (
    COLORS,
    EVERY_STEP,
    HEIGHT,
    SCORES,
    WIDTH,
    applied,
    build_step,
    of_image,
    painted,
)

# Steps after which boxes are no shares of the image.
IN_PIXELS = {"scale_boxes_to_pixel_coordinates"}
# Steps that change colors: those of the boxes are no longer their classes'.
RECOLORED = {
    "normalize_image",
    "random_adjust_hue",
    "random_distort_color",
    "random_black_patches",
    "random_rgb_to_gray",
    "rgb_to_gray",
    "random_jitter_boxes",
    "random_jpeg_quality",
    "random_patch_gaussian",
    "remap_labels",
    "autoaugment_image",
} | IN_PIXELS
SEEDS = 12


def test_every_step_of_the_language_is_there() -> None:
    """All 39 of preprocessor.proto."""
    steps = {field.name for field in message_class("PreprocessingStep").DESCRIPTOR.fields}

    assert len(steps) == 39
    assert steps == set(EVERY_STEP)


@pytest.mark.parametrize("kind", sorted(EVERY_STEP))
def test_boxes_stay_inside_and_in_order(kind: str) -> None:
    """Whatever is drawn: of six boxes, one at each side of the image, and of none."""
    step = build_step(kind)
    size = np.array([HEIGHT, WIDTH] * 2) if kind in IN_PIXELS else np.ones(4)
    edges = [[0, 0, 0.2, 0.3], [0, 0.8, 1, 1], [0.7, 0, 1, 0.2], [0.999, 0.3, 1, 0.4]]
    for sample in (painted(), of_image(painted().image, edges)):
        for example in range(SEEDS):
            moved = applied(step, sample, example).boxes / size
            assert np.all((moved >= 0) & (moved <= 1))
            assert np.all(moved[:, :2] <= moved[:, 2:])
    nothing = applied(step, of_image(painted().image), 3)
    assert nothing.boxes.shape == (0, 4)
    assert nothing.image.shape[2] == 3


@pytest.mark.parametrize("kind", sorted(EVERY_STEP))
def test_what_belongs_to_a_box_stays_with_it(kind: str) -> None:
    """Weights, flags and scores say which class their box had."""
    for example in range(SEEDS):
        moved = applied(build_step(kind), painted(), example)
        was = np.round(moved.weights * 8).astype(int) - 1
        assert len(moved.boxes) == len(moved.classes)
        assert np.array_equal(moved.ignored, was % 2 == 1)
        assert np.array_equal(moved.scores.argmax(axis=1), was % SCORES)
        if kind != "remap_labels":
            assert np.array_equal(moved.classes, was)


@pytest.mark.parametrize("kind", sorted(set(EVERY_STEP) - RECOLORED))
def test_labels_keep_to_their_boxes(kind: str) -> None:
    """The pixel in the middle of a box has the color of the box's class."""
    seen = 0
    for example in range(SEEDS):
        moved = applied(build_step(kind), painted(), example)
        seen += assert_in_color(moved)
    assert seen > 6


def assert_in_color(sample: Sample) -> int:
    """Of the boxes of which enough is left; how many these are."""
    height, width = sample.image.shape[:2]
    boxes = sample.boxes * [height, width, height, width]
    large = np.min(boxes[:, 2:] - boxes[:, :2], axis=1, initial=99) >= 5
    for box, number in zip(boxes[large], sample.classes[large], strict=True):
        y, x = ((box[:2] + box[2:]) / 2).astype(int)
        differences = np.abs(sample.image[y, x].astype(float) - COLORS).sum(axis=1)
        assert np.argmin(differences) == number
    return int(large.sum())


@pytest.mark.parametrize("kind", sorted(EVERY_STEP))
def test_everything_comes_from_the_seed(kind: str) -> None:
    """The same seed and number give the same; what is random differs among twenty numbers."""
    step = build_step(kind)
    first, again = (applied(step, painted(), 7) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one, other)
    several = {picture(applied(step, painted(), example)) for example in range(20)}
    fixed = {
        "normalize_image",
        "rgb_to_gray",
        "resize_image",
        "subtract_channel_mean",
        "scale_boxes_to_pixel_coordinates",
        "remap_labels",
        "adjust_gamma",
        "convert_class_logits_to_softmax",
    }
    assert (len(several) == 1) == (kind in fixed)
    other_seed = {picture(applied(step, painted(), example, seed=2)) for example in range(20)}
    assert (several == other_seed) == (kind in fixed) or len(several) < 3


def picture(sample: Sample) -> bytes:
    return sample.image.tobytes() + sample.boxes.tobytes()


@pytest.mark.parametrize("kind", sorted(EVERY_STEP))
def test_pixels_stay_numbers_of_their_range(kind: str) -> None:
    """0 to 255 and finite, also where the image is all black or has one pixel only in a row."""
    beyond = {"normalize_image": (0, 1), "subtract_channel_mean": (-30, 245)}
    low, high = beyond.get(kind, (0, 255))
    extremes = [np.zeros((40, 50, 3), np.uint8), np.full((3, 200, 3), 255, np.uint8)]
    if kind == "random_resize_method":
        low, high = -30, 300  # a bicubic one goes beyond
    for image in (painted().image, *extremes):
        for example in range(3):
            pixels = applied(build_step(kind), of_image(image, [[0.1, 0.1, 0.9, 0.9]]), example)
            assert np.isfinite(pixels.image).all()
            assert low - 0.01 <= pixels.image.min()
            assert pixels.image.max() <= high + 0.01


@pytest.mark.parametrize("kind", sorted(set(EVERY_STEP) - {"random_jpeg_quality"}))
def test_a_float_image_is_treated_as_one_of_whole_numbers(kind: str) -> None:
    """The step before may have given either."""
    sample = painted()
    for example in range(2):
        whole = applied(build_step(kind), sample, example)
        floats = applied(
            build_step(kind), sample._replace(image=sample.image.astype(np.float32)), example
        )
        assert whole.image == pytest.approx(floats.image, abs=1e-3)
        assert np.array_equal(whole.boxes, floats.boxes)


CHAIN = tuple(
    build_step(kind)
    for kind in (
        "random_horizontal_flip",
        "ssd_random_crop",
        "random_image_scale",
        "random_adjust_brightness",
        "random_rotation90",
        "random_pad_image",
        "random_self_concat_image",
        "random_scale_crop_and_pad_to_square",
    )
)


@given(seed=st.integers(0, 2**62), example=st.integers(0, 2**62))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_labels_keep_to_their_boxes_through_many_steps(seed: int, example: int) -> None:
    """Flipped, cropped, scaled, turned, padded, doubled and cropped again."""
    moved = applied(CHAIN, painted(), example, seed)

    assert moved.image.shape == (96, 96, 3)
    assert np.all((moved.boxes >= 0) & (moved.boxes <= 1))
    assert np.array_equal(np.round(moved.weights * 8).astype(int) - 1, moved.classes)
    # Brightness leaves the nearest color what it was, at 0.2 of 255.
    bright = moved._replace(boxes=moved.boxes)
    assert_in_color(bright)


@pytest.mark.parametrize("policy", ["v0", "v1", "v2", "v3", "test"])
def test_autoaugment_keeps_every_box(policy: str) -> None:
    """Its boxes move, but none is lost, whatever becomes of what is in them."""
    for example in range(20):
        moved = applied(AutoAugment(policy), painted(), example)
        assert moved.classes.tolist() == list(range(6))
        assert np.all(moved.boxes[:, :2] < moved.boxes[:, 2:])
