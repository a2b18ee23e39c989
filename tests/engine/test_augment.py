"""Augmentations: boxes stay with what they frame, and everything comes from the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.augment.flip import horizontal_flip
from odapi_runner.engine.augment.scale_crop_pad import scale_crop_pad
from odapi_runner.engine.augment.spec import Augmentation, HorizontalFlip, ScaleCropPad
from odapi_runner.engine.records import Sample

ALWAYS = HorizontalFlip(1.0)
JITTER = ScaleCropPad(output_size=64, scale_min=0.3, scale_max=2.0)
STEPS: tuple[Augmentation, ...] = (HorizontalFlip(0.5), JITTER)


def seeded(seed: int, example: int = 0) -> tf.Tensor:
    return tf.constant([seed, example], tf.int64)


def sample(image: np.ndarray, boxes: Sequence[Sequence[float]]) -> Sample:
    """Classes, weights and flags that tell the boxes apart."""
    count = len(boxes)
    return Sample(
        image=tf.constant(image, tf.float32),
        boxes=tf.reshape(tf.constant(boxes, tf.float32), [-1, 4]),
        classes=tf.range(count),
        weights=tf.range(count, dtype=tf.float32) / 8,
        ignored=tf.range(count) % 2 == 1,
    )


def columns(height: int, width: int) -> np.ndarray:
    """An image whose pixels hold the number of their column."""
    return np.broadcast_to(np.arange(width, dtype=np.float32)[:, None], (height, width, 3))


def test_a_flip_mirrors_image_and_boxes() -> None:
    """Left becomes right; what belongs to the boxes stays in its order."""
    boxes = [[0.25, 0.0, 0.5, 0.25], [0.0, 0.5, 1.0, 1.0]]
    flipped = horizontal_flip(sample(columns(2, 4), boxes), ALWAYS, seeded(1))

    assert flipped.image[0, :, 0].numpy().tolist() == [3, 2, 1, 0]
    assert flipped.boxes.numpy().tolist() == [[0.25, 0.75, 0.5, 1.0], [0.0, 0.0, 1.0, 0.5]]
    assert flipped.classes.numpy().tolist() == [0, 1]


def test_flipping_twice_is_nothing() -> None:
    """The same image, the same boxes."""
    before = sample(columns(3, 5), [[0.125, 0.25, 0.5, 0.75]])
    after = horizontal_flip(horizontal_flip(before, ALWAYS, seeded(1)), ALWAYS, seeded(2))

    assert np.array_equal(after.image, before.image)
    assert np.array_equal(after.boxes, before.boxes)


def test_a_flip_happens_with_its_probability() -> None:
    """Never at 0; at one half in about half of 200 examples (standard deviation 7)."""
    one = sample(columns(1, 2), [])

    def flips(probability: float) -> int:
        done = [
            horizontal_flip(one, HorizontalFlip(probability), seeded(5, example)).image[0, 0, 0]
            for example in range(200)
        ]
        return int(sum(done))

    assert flips(0.0) == 0
    assert 70 < flips(0.5) < 130


def test_a_small_scale_pads_at_bottom_and_right() -> None:
    """40 x 80 px at a scale of 1/2 in a square of 80: 20 x 40 px in its corner."""
    step = ScaleCropPad(output_size=80, scale_min=0.5, scale_max=0.5)
    boxes = [[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.75, 1.0]]
    moved = scale_crop_pad(sample(np.ones((40, 80, 3)), boxes), step, seeded(1))

    assert moved.image.shape == (80, 80, 3)
    assert np.all(moved.image[:20, :40] == 1)
    assert float(tf.reduce_sum(moved.image)) == 20 * 40 * 3
    # Heights are a quarter of what they were (20 of 80 px), widths a half.
    assert moved.boxes.numpy().tolist() == [[0.0, 0.0, 0.25, 0.5], [0.0625, 0.25, 0.1875, 0.5]]


@pytest.mark.parametrize("seed", range(5))
def test_a_large_scale_crops_at_a_random_place(seed: int) -> None:
    """40 x 80 px at a scale of 2 in a square of 40: pixels as they are, 40 of the 80 columns."""
    step = ScaleCropPad(output_size=40, scale_min=2.0, scale_max=2.0)
    box = [0.25, 0.25, 0.75, 0.75]  # columns 20 to 60: every crop has a part of it
    moved = scale_crop_pad(sample(columns(40, 80), [box]), step, seeded(seed))

    first = int(moved.image[0, 0, 0])
    assert 0 <= first <= 40
    assert np.array_equal(moved.image, columns(40, 80)[:, first : first + 40])
    left, right = max(20 - first, 0) / 40, min(60 - first, 40) / 40
    assert moved.boxes[0].numpy() == pytest.approx([0.25, left, 0.75, right], abs=1e-6)


def test_boxes_outside_the_crop_go_with_what_belongs_to_them() -> None:
    """Of four boxes, one a fifth of the width each, the crop of half the width leaves some."""
    step = ScaleCropPad(output_size=40, scale_min=2.0, scale_max=2.0)
    boxes = [[0.0, left, 1.0, left + 0.1] for left in (0.0, 0.3, 0.6, 0.9)]
    moved = scale_crop_pad(sample(columns(40, 80), boxes), step, seeded(3))

    first = int(moved.image[0, 0, 0])
    kept = [
        number
        for number, (_, left, _, right) in enumerate(boxes)
        if right * 80 > first and left * 80 < first + 40
    ]
    assert 0 < len(kept) < 4
    assert moved.classes.numpy().tolist() == kept
    assert moved.weights.numpy().tolist() == [number / 8 for number in kept]
    assert moved.ignored.numpy().tolist() == [number % 2 == 1 for number in kept]


def test_a_very_thin_image_keeps_a_row() -> None:
    """0.05 rows are none, and nothing could be resized to that."""
    step = ScaleCropPad(output_size=64, scale_min=0.1, scale_max=0.1)

    moved = scale_crop_pad(sample(np.ones((4, 512, 3)), []), step, seeded(1))

    assert float(tf.reduce_sum(moved.image)) == 1 * 6 * 3


def test_no_steps_change_nothing() -> None:
    """A config without data_augmentation_options."""
    before = sample(columns(2, 4), [[0.0, 0.0, 1.0, 0.5]])

    assert augment(before, (), seeded(1)) is before


def test_the_same_seed_gives_the_same_and_another_example_another() -> None:
    """Nothing else is drawn from."""
    before = sample(columns(50, 70), [[0.1, 0.1, 0.9, 0.9]])
    first, again, next_one, other_seed = (
        augment(before, STEPS, seed).image.numpy()
        for seed in (seeded(1, 5), seeded(1, 5), seeded(1, 6), seeded(2, 5))
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, next_one)
    assert not np.array_equal(first, other_seed)


def test_two_steps_of_a_kind_draw_for_themselves() -> None:
    """Each place in the config has numbers of its own."""
    two = (HorizontalFlip(0.5), HorizontalFlip(0.5))
    before = sample(columns(1, 2), [])

    flipped = [
        bool(augment(before, two, seeded(1, example)).image[0, 0, 0]) for example in range(40)
    ]

    # Drawn alike, the second would always undo the first.
    assert 0 < sum(flipped) < 40


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
    moved = augment(sample(image, [box.tolist()]), STEPS, seeded(seed))

    boxes = moved.boxes.numpy()
    assert np.all((boxes >= 0) & (boxes <= 1))
    assert np.all(boxes[:, :2] <= boxes[:, 2:])
    bright = np.argwhere(moved.image[:, :, 0].numpy() > 100)
    if len(bright) == 0:
        assert np.all(np.min(boxes[:, 2:] - boxes[:, :2], axis=1, initial=0) * 64 < 2.5)
        return
    there = np.concatenate([bright.min(axis=0), bright.max(axis=0) + 1])
    # A resized edge is blurred by up to the size of a source pixel; 2 px of the crop at most.
    assert boxes[0] * 64 == pytest.approx(there, abs=2.5)
