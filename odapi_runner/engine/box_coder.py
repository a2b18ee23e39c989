"""Boxes as the network predicts them: relative to an anchor.

Source: object_detection/box_coders/{faster_rcnn,square,mean_stddev}_box_coder.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.spec.boxes import BoxCoder, MeanStddevCoder, SquareCoder

EPSILON = 1e-8  # keeps the logarithm of a box of no size finite


def encode_boxes(boxes: tf.Tensor, anchors: tf.Tensor, coder: BoxCoder) -> tf.Tensor:
    """Turn boxes into regression codes; the inverse of `decode_boxes`.

    Args:
        boxes: float32 [..., A, 4], (ymin, xmin, ymax, xmax).
        anchors: float32 [A, 4], order and unit of `boxes`.
        coder: of the config; of a `SquareCoder` the box counts as the square of its area.

    Returns:
        float32 [..., A, code size], (ty, tx, th, tw) or (ty, tx, tl), unitless.
    """
    if isinstance(coder, MeanStddevCoder):
        return (boxes - anchors) / coder.stddev
    center_y, center_x, height, width = _centers(boxes)
    anchor_y, anchor_x, anchor_height, anchor_width = _centers(anchors)
    if isinstance(coder, SquareCoder):
        length = tf.sqrt(height * width) + EPSILON
        anchor_length = tf.sqrt(anchor_height * anchor_width) + EPSILON
        square = (
            (center_y - anchor_y) / anchor_length * coder.y,
            (center_x - anchor_x) / anchor_length * coder.x,
            tf.math.log(length / anchor_length) * coder.length,
        )
        return tf.stack(square, axis=-1)
    anchor_height, anchor_width = anchor_height + EPSILON, anchor_width + EPSILON
    codes = (
        (center_y - anchor_y) / anchor_height * coder.y,
        (center_x - anchor_x) / anchor_width * coder.x,
        tf.math.log((height + EPSILON) / anchor_height) * coder.height,
        tf.math.log((width + EPSILON) / anchor_width) * coder.width,
    )
    return tf.stack(codes, axis=-1)


def decode_boxes(codes: tf.Tensor, anchors: tf.Tensor, coder: BoxCoder) -> tf.Tensor:
    """Turn regression codes into boxes; the inverse of `encode_boxes`.

    Args:
        codes: float32 [..., A, code size], as `encode_boxes` returns them.
        anchors: float32 [A, 4], (ymin, xmin, ymax, xmax).
        coder: of the config.

    Returns:
        float32 [..., A, 4], order and unit of `anchors`, not clipped to the image; squares of a
        `SquareCoder`.
    """
    if isinstance(coder, MeanStddevCoder):
        return codes * coder.stddev + anchors
    anchor_y, anchor_x, anchor_height, anchor_width = _centers(anchors)
    if isinstance(coder, SquareCoder):
        ty, tx, tl = tf.unstack(codes, axis=-1)
        anchor_height = anchor_width = tf.sqrt(anchor_height * anchor_width)
        height = width = tf.exp(tl / coder.length) * anchor_height
    else:
        ty, tx, th, tw = tf.unstack(codes, axis=-1)
        height = tf.exp(th / coder.height) * anchor_height
        width = tf.exp(tw / coder.width) * anchor_width
    center_y = ty / coder.y * anchor_height + anchor_y
    center_x = tx / coder.x * anchor_width + anchor_x
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
