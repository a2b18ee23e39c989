"""Steps one after the other, each with random numbers of its own."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.augment.spec import (
    AdjustBrightness,
    HorizontalFlip,
    RemapLabels,
    SubtractChannelMean,
)
from support.augmenting import applied, draws, of_image, painted

TWO_COLUMNS = np.array([[[0] * 3, [200] * 3]], np.uint8)


def test_no_steps_change_nothing() -> None:
    """A config without data_augmentation_options."""
    before = painted()

    assert augment(before, (), tf.constant([1, 0], tf.int64)) is before


def test_steps_come_in_the_order_of_the_config() -> None:
    """The second remaps what the first has made."""
    first, second = RemapLabels((0,), 1), RemapLabels((1,), 2)
    one = of_image(TWO_COLUMNS, [[0, 0, 1, 1]])

    assert applied((first, second), one).classes.tolist() == [2]
    assert applied((second, first), one).classes.tolist() == [1]


def test_what_a_step_leaves_the_next_one_takes() -> None:
    """-100 and 100, of which none is clipped before brightness looks at them."""
    darker = SubtractChannelMean((100.0, 100.0, 100.0))
    changed = applied((darker, AdjustBrightness(0.0)), of_image(TWO_COLUMNS))

    assert changed.image[0, :, 0].tolist() == [0, 100]


def test_two_steps_of_a_kind_draw_for_themselves() -> None:
    """Each place in the config has numbers of its own: drawn alike, two flips would be none."""
    flips = (HorizontalFlip(0.5), HorizontalFlip(0.5))
    mirrored = [bool(applied(flips, of_image(TWO_COLUMNS), e).image[0, 0, 0]) for e in range(60)]

    assert 10 < sum(mirrored) < 50


def test_examples_and_seeds_draw_for_themselves() -> None:
    """No two of 300 examples, under either of two seeds, have the same brightness."""
    step, gray = AdjustBrightness(0.4), of_image(np.full((1, 1, 3), 128, np.uint8))
    found = draws(step, gray, lambda s: s.image[0, 0, 0])
    others = [applied(step, gray, example, seed=9).image[0, 0, 0] for example in range(300)]

    assert len({*found.tolist(), *others}) > 590
