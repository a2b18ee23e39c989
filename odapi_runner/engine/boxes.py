"""Arithmetic on boxes; all are float32, (ymin, xmin, ymax, xmax)."""

from __future__ import annotations

import tensorflow as tf

IDENTITY_WINDOW = (0.0, 0.0, 1.0, 1.0)
LEAST_AREA = 1e-30


def intersections(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Area of overlap of each of `boxes` [..., N, 4] with each of `others` [M, 4]: [..., N, M]."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes[..., None, :], axis=-1)
    other_ymin, other_xmin, other_ymax, other_xmax = tf.unstack(others, axis=-1)
    heights = tf.maximum(tf.minimum(ymax, other_ymax) - tf.maximum(ymin, other_ymin), 0.0)
    widths = tf.maximum(tf.minimum(xmax, other_xmax) - tf.maximum(xmin, other_xmin), 0.0)
    return heights * widths


def areas(boxes: tf.Tensor) -> tf.Tensor:
    """[..., N] of [..., N, 4]."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return (ymax - ymin) * (xmax - xmin)


def iou(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Intersection over union, [..., N, M] of [..., N, 4] and [M, 4]; 0 where nothing overlaps.

    Source: object_detection/core/box_list_ops.py, `iou`.
    """
    overlap = intersections(boxes, others)
    # Two boxes of no area are not alike; beside any other area the least one is nothing.
    least = tf.maximum(areas(boxes), LEAST_AREA)[..., None]
    return overlap / (least + areas(others) - overlap)


def change_frame(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Express `boxes` [..., 4] in coordinates in which `window` [4] is (0, 0, 1, 1)."""
    origin = tf.concat([window[:2], window[:2]], axis=0)
    size = window[2:] - window[:2]
    return (boxes - origin) / tf.concat([size, size], axis=0)


def clip(boxes: tf.Tensor, window: tuple[float, float, float, float] | tf.Tensor) -> tf.Tensor:
    """Clip `boxes` [..., 4] to a window (ymin, xmin, ymax, xmax) that broadcasts to them."""
    low = tf.gather(tf.convert_to_tensor(window, tf.float32), [0, 1, 0, 1], axis=-1)
    high = tf.gather(tf.convert_to_tensor(window, tf.float32), [2, 3, 2, 3], axis=-1)
    return tf.maximum(tf.minimum(boxes, high), low)


def touches(boxes: tf.Tensor, window: tuple[float, float, float, float]) -> tf.Tensor:
    """Whether each of `boxes` [N, 4] has a part inside the window: bool [N].

    Source: object_detection/core/box_list_ops.py, `prune_completely_outside_window`.
    """
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    top, left, bottom, right = window
    return (ymin < bottom) & (xmin < right) & (ymax > top) & (xmax > left)
