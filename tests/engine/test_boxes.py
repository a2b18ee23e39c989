"""Arithmetic on boxes."""

from __future__ import annotations

import pytest
import tensorflow as tf

from odapi_runner.engine import boxes

SQUARE = [0.0, 0.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1.0),
        ([1.0, 1.0, 3.0, 3.0], 1 / 7),  # 1 of 4 + 4 - 1
        ([0.0, 0.0, 1.0, 2.0], 0.5),  # half of it
        ([2.0, 0.0, 4.0, 2.0], 0.0),  # an edge in common
        ([5.0, 5.0, 6.0, 6.0], 0.0),
        ([1.0, 1.0, 1.0, 1.0], 0.0),  # a point
    ],
)
def test_intersection_over_union(other: list[float], expected: float) -> None:
    """Of a square of area 4, both ways round."""
    assert boxes.iou(tf.constant([SQUARE]), tf.constant([other])).numpy() == pytest.approx(expected)
    assert boxes.iou(tf.constant([other]), tf.constant([SQUARE])).numpy() == pytest.approx(expected)


def test_two_points_are_not_alike() -> None:
    """0 / 0 would be no number."""
    point = tf.zeros([1, 4])

    assert boxes.iou(point, point).numpy() == 0.0


def test_a_frame_is_changed_and_boxes_are_clipped_to_it() -> None:
    """The window (0.5, 0, 1, 0.5) becomes (0, 0, 1, 1)."""
    moved = boxes.change_frame(
        tf.constant([[0.5, 0.25, 0.75, 1.0]]), tf.constant([0.5, 0.0, 1.0, 0.5])
    )

    assert moved.numpy().tolist() == [[0.0, 0.5, 0.5, 2.0]]
    assert boxes.clip(moved, boxes.IDENTITY_WINDOW).numpy().tolist() == [[0.0, 0.5, 0.5, 1.0]]


def test_what_touches_a_window() -> None:
    """An edge in common is not enough."""
    some = tf.constant(
        [[0.9, 0.9, 2.0, 2.0], [1.0, 0.0, 2.0, 1.0], [-1.0, 0.0, 0.0, 1.0], [-1.0, -1.0, 2.0, 2.0]]
    )

    found = boxes.touches(some, boxes.IDENTITY_WINDOW)

    assert found.numpy().tolist() == [True, False, False, True]
