"""How like each other boxes and anchors are.

Source: object_detection/core/region_similarity_calculator.py and box_list_ops.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.boxes import areas, intersections, iou
from odapi_runner.engine.spec.boxes import Ioa, Iou, NegativeSquaredDistance, Similarity


def similarities(spec: Similarity, boxes: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """The likeness of each box and each anchor; more is more alike.

    Args:
        spec: which.
        boxes: float32 [N, 4], (ymin, xmin, ymax, xmax).
        anchors: float32 [A, 4], order and unit of `boxes`.

    Returns:
        float32 [N, A].
    """
    if isinstance(spec, Iou):
        return iou(boxes, anchors)
    if isinstance(spec, Ioa):
        return intersections(boxes, anchors) / areas(anchors)
    if isinstance(spec, NegativeSquaredDistance):
        squares, of_anchors = (tf.reduce_sum(tf.square(some), axis=-1) for some in (boxes, anchors))
        products = tf.matmul(boxes, anchors, transpose_b=True)
        return 2 * products - squares[:, None] - of_anchors
    return tf.cast(iou(boxes, anchors) > spec.threshold, tf.float32)
