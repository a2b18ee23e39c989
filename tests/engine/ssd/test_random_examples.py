"""Drawing the anchors that count."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.ssd.random_examples import draw_examples
from odapi_runner.engine.ssd.targets import Targets

# Two images: three positives and one ignored anchor of 40, one positive of 40.
MATCH = np.full((2, 40), -1)
MATCH[0, [3, 7, 20]], MATCH[0, 5], MATCH[1, 8] = [0, 1, 0], -2, 0
WEIGHTS = np.where(MATCH == -2, 0.0, np.where(MATCH == -1, 0.5, 2.0)).astype(np.float32)
PLACES = np.argwhere(MATCH >= 0)


@pytest.fixture(scope="module")
def targets() -> Targets:
    return Targets(
        match=tf.constant(MATCH, tf.int32),
        classes=tf.constant(np.minimum(MATCH, 0), tf.int32),
        class_weights=tf.constant(WEIGHTS),
        places=tf.constant(PLACES),
        codes=tf.zeros([4, 4]),
        code_weights=tf.constant([2.0, 2.0, 2.0, 2.0]),
    )


def drawn(targets: Targets, share: float, number: float) -> np.ndarray:
    """Which anchors count."""
    uniform = tf.constant([[0.9, number], [0.9, number + 0.1]])
    found = draw_examples(targets, share, uniform)
    assert found.code_weights.numpy().tolist() == [2.0] * 4
    weights = found.class_weights.numpy()
    assert np.array_equal(weights[weights != 0], WEIGHTS[weights != 0])
    return weights != 0


@pytest.mark.parametrize(("share", "negatives"), [(1.0, [0, 0]), (0.25, [9, 3]), (0.3, [7, 2])])
def test_all_positives_and_some_negatives_are_drawn(
    targets: Targets, share: float, negatives: list[int]
) -> None:
    """(1 - share) / share for each positive, rounded down: 7/3 * 3 is 7, 7/3 is 2."""
    found = drawn(targets, share, 0.5)

    assert found[MATCH >= 0].all()
    assert not found[MATCH == -2].any()
    assert (found & (MATCH == -1)).sum(axis=1).tolist() == negatives


def test_too_few_negatives_are_all_drawn(targets: Targets) -> None:
    """19 for each positive are more than there are in the first image: not in the second."""
    found = drawn(targets, 0.05, 0.5)

    assert (found & (MATCH == -1)).sum(axis=1).tolist() == [36, 19]


def test_the_draw_is_that_of_the_example_s_number(targets: Targets) -> None:
    """The same again, another for another number; in evaluation, without one, the same for all."""
    first, again, other = (drawn(targets, 0.25, number) for number in (0.5, 0.5, 0.6))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    unnumbered = draw_examples(targets, 0.25, tf.zeros([2, 0])).class_weights
    assert (unnumbered.numpy() != 0).sum(axis=1).tolist() == [12, 4]


def test_a_box_of_weight_0_is_not_drawn_and_brings_no_negatives(targets: Targets) -> None:
    """It does not count without a draw, either."""
    weights = np.where(MATCH == 0, 0.0, WEIGHTS).astype(np.float32)
    light = dataclasses.replace(
        targets, class_weights=tf.constant(weights), code_weights=tf.constant([0.0, 2.0, 0.0, 0.0])
    )
    found = draw_examples(light, 0.25, tf.constant([[0.5], [0.5]]))

    assert (found.class_weights.numpy() != 0).sum(axis=1).tolist() == [4, 0]
    assert found.code_weights.numpy().tolist() == [0.0, 2.0, 0.0, 0.0]
