"""What each anchor should have predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import Targets, assign_targets
from support.configs import small_spec

# Four quarters of the image, in reading order, and the whole of it.
ANCHORS = tf.constant(
    [
        [0.0, 0.0, 0.5, 0.5],
        [0.0, 0.5, 0.5, 1.0],
        [0.5, 0.0, 1.0, 0.5],
        [0.5, 0.5, 1.0, 1.0],
        [0.0, 0.0, 1.0, 1.0],
    ]
)


@pytest.fixture(scope="module")
def model() -> Ssd:
    return small_spec().model


def assigned(
    model: Ssd,
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    weights: Sequence[float] | None = None,
    ignored: Sequence[bool] | None = None,
) -> Targets:
    """Targets of one image."""
    return assign_targets(
        model,
        ANCHORS,
        tf.reshape(tf.constant(boxes, tf.float32), [1, -1, 4]),
        tf.constant([classes], tf.int32),
        tf.constant([[1.0] * len(classes) if weights is None else weights], tf.float32),
        tf.constant([[False] * len(classes) if ignored is None else ignored], tf.bool),
    )


def test_a_matched_anchor_gets_code_class_and_weight(model: Ssd) -> None:
    """Half the height of the first quarter, at its top: IoU 0.5, so it is matched."""
    found = assigned(model, [[0.0, 0.0, 0.25, 0.5]], [2])

    assert found.match.numpy().tolist() == [[0, -1, -1, -1, -1]]
    # Centre 0.125 of 0.5 higher, times 10; half as high: 5 * ln 0.5.
    assert found.codes[0, 0].numpy() == pytest.approx([-2.5, 0, 5 * np.log(0.5), 0], abs=1e-5)
    assert not found.codes[0, 1:].numpy().any()
    assert found.code_weights.numpy().tolist() == [[1, 0, 0, 0, 0]]
    assert found.classes[0].numpy().tolist() == [[0, 0, 1], *[[0, 0, 0]] * 4]
    assert found.class_weights.numpy().tolist() == [[1, 1, 1, 1, 1]]


def test_the_weight_of_a_box_is_that_of_its_anchor(model: Ssd) -> None:
    """In both losses; what nothing matches counts as a negative has to."""
    lighter = dataclasses.replace(
        model, loss=dataclasses.replace(model.loss, negative_class_weight=0.5)
    )
    found = assigned(lighter, [[0.0, 0.5, 0.5, 1.0]], [0], [0.25])

    assert found.code_weights.numpy().tolist() == [[0, 0.25, 0, 0, 0]]
    assert found.class_weights.numpy().tolist() == [[0.5, 0.25, 0.5, 0.5, 0.5]]


def test_a_box_of_weight_0_takes_its_anchors_out_and_claims_none(model: Ssd) -> None:
    """The second box would claim the third quarter if it had a weight."""
    found = assigned(
        model, [[0.0, 0.0, 0.5, 0.5], [0.9, 0.0, 1.0, 0.1]], [0, 1], weights=[0.0, 0.0]
    )

    assert found.match.numpy().tolist() == [[0, -1, -1, -1, -1]]
    assert found.code_weights.numpy().tolist() == [[0, 0, 0, 0, 0]]
    assert found.class_weights.numpy().tolist() == [[0, 1, 1, 1, 1]]


def test_anchors_inside_an_ignored_region_are_no_negatives(model: Ssd) -> None:
    """Of the left half of the image: two quarters lie inside, half of the whole does."""
    found = assigned(model, [[0.0, 0.0, 1.0, 0.5]], [0], ignored=[True])

    assert found.match.numpy().tolist() == [[-2, -1, -2, -1, -2]]
    assert found.class_weights.numpy().tolist() == [[0, 1, 0, 1, 0]]
    assert not found.code_weights.numpy().any()


def test_an_object_in_an_ignored_region_is_still_one(model: Ssd) -> None:
    """What a box matches is a positive wherever it lies."""
    found = assigned(
        model, [[0.0, 0.0, 1.0, 0.5], [0.5, 0.0, 1.0, 0.5]], [0, 1], ignored=[True, False]
    )

    assert found.match.numpy().tolist() == [[-2, -1, 1, -1, -2]]
    assert found.classes[0, 2].numpy().tolist() == [0, 1, 0]


def test_a_threshold_of_0_ignores_what_is_in_a_region_only(model: Ssd) -> None:
    """Not the anchors of another image of the batch, which has a box and no region."""
    low = dataclasses.replace(
        model,
        matcher=dataclasses.replace(
            model.matcher, unmatched_threshold=0.0, negatives_below_unmatched=False
        ),
    )
    found = assign_targets(
        low,
        ANCHORS,
        tf.constant([[[0.0, 0.0, 0.5, 0.5]], [[0.5, 0.5, 1.0, 1.0]]]),
        tf.constant([[0], [0]]),
        tf.ones([2, 1]),
        tf.constant([[True], [False]]),
    )

    assert found.match[1].numpy().tolist() == [-1, -1, -1, 0, -1]


def test_without_boxes_every_anchor_is_a_negative(model: Ssd) -> None:
    """Nothing to locate, everything to call background."""
    found = assigned(model, [], [])

    assert found.match.numpy().tolist() == [[-1] * 5]
    assert found.class_weights.numpy().tolist() == [[1] * 5]
    assert found.codes.shape == (1, 5, 4)
    assert found.classes.shape == (1, 5, 3)
    assert not found.codes.numpy().any()


def test_padding_is_no_box(model: Ssd) -> None:
    """An image with one box beside one with two."""
    both = assign_targets(
        model,
        ANCHORS,
        tf.constant([[[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.5, 0.5]] * 2]),
        tf.constant([[1, 0], [2, 2]]),
        tf.constant([[1.0, 0.0], [1.0, 1.0]]),
        tf.zeros([2, 2], tf.bool),
    )

    alone = assigned(model, [[0.5, 0.5, 1.0, 1.0]], [1])
    for name in ("match", "codes", "code_weights", "classes", "class_weights"):
        assert np.array_equal(getattr(both, name)[:1], getattr(alone, name)), name
    assert both.match[1].numpy().tolist() == [0, -1, -1, -1, -1]


def test_classes_may_be_shares(model: Ssd) -> None:
    """How much a box is of each class becomes its anchors' target, a background class aside."""
    shares = tf.constant([[[0.25, 0.5, 0.0]]])
    boxes = tf.constant([[[0.0, 0.0, 0.5, 0.5]]])
    for background, expected in ((False, [0.25, 0.5, 0]), (True, [0, 0.25, 0.5, 0])):
        spec = dataclasses.replace(model, background_class=background)
        found = assign_targets(
            spec, ANCHORS, boxes, shares, tf.ones([1, 1]), tf.constant([[False]])
        )
        assert found.classes[0, 0].numpy().tolist() == expected
