"""Boxes as the network predicts them: offsets from an anchor, in its size.

Source: object_detection/box_coders/faster_rcnn_box_coder.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.spec.boxes import BoxCodeScale

EPSILON = 1e-8  # keeps the logarithm of a box of no size finite


def encode_boxes(boxes: tf.Tensor, anchors: tf.Tensor, scale: BoxCodeScale) -> tf.Tensor:
    """Turn boxes into regression codes; the inverse of `decode_boxes`.

    Args:
        boxes: float32 [..., A, 4], (ymin, xmin, ymax, xmax).
        anchors: float32 [A, 4], order and unit of `boxes`.
        scale: the four factors of the config's `faster_rcnn_box_coder`.

    Returns:
        float32 [..., A, 4], (ty, tx, th, tw), unitless.
    """
    center_y, center_x, height, width = _centers(boxes)
    anchor_y, anchor_x, anchor_height, anchor_width = _centers(anchors)
    anchor_height, anchor_width = anchor_height + EPSILON, anchor_width + EPSILON
    codes = (
        (center_y - anchor_y) / anchor_height * scale.y,
        (center_x - anchor_x) / anchor_width * scale.x,
        tf.math.log((height + EPSILON) / anchor_height) * scale.height,
        tf.math.log((width + EPSILON) / anchor_width) * scale.width,
    )
    return tf.stack(codes, axis=-1)


def decode_boxes(codes: tf.Tensor, anchors: tf.Tensor, scale: BoxCodeScale) -> tf.Tensor:
    """Turn regression codes into boxes; the inverse of `encode_boxes`.

    Args:
        codes: float32 [..., A, 4], (ty, tx, th, tw), unitless.
        anchors: float32 [A, 4], (ymin, xmin, ymax, xmax).
        scale: the four factors of the config's `faster_rcnn_box_coder`.

    Returns:
        float32 [..., A, 4], order and unit of `anchors`, not clipped to the image.
    """
    anchor_y, anchor_x, anchor_height, anchor_width = _centers(anchors)
    ty, tx, th, tw = tf.unstack(codes, axis=-1)
    height = tf.exp(th / scale.height) * anchor_height
    width = tf.exp(tw / scale.width) * anchor_width
    center_y = ty / scale.y * anchor_height + anchor_y
    center_x = tx / scale.x * anchor_width + anchor_x
    corners = (
        center_y - height / 2,
        center_x - width / 2,
        center_y + height / 2,
        center_x + width / 2,
    )
    return tf.stack(corners, axis=-1)


def _centers(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    height, width = ymax - ymin, xmax - xmin
    return ymin + height / 2, xmin + width / 2, height, width
