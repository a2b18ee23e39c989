"""Which anchors count: those that are worst, and not too many without an object.

Source: object_detection/core/losses.py, `HardExampleMiner`; Shrivastava et al., Training
Region-based Object Detectors with Online Hard Example Mining; Liu et al., SSD, section 2.2.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.matcher import UNMATCHED
from odapi_runner.engine.ssd.loss_spec import HardExamples


def hard_examples(
    spec: HardExamples, losses: tf.Tensor, boxes: tf.Tensor, match: tf.Tensor
) -> tf.Tensor:
    """A mask of the anchors that count.

    Anchors are taken by their loss, the greatest first; one whose predicted box overlaps that of
    one taken before is left out. Of those taken all positives count, and the first negatives, by
    the number of the positives. (Ignored anchors count as long as negatives still do.)

    Args:
        spec: how many, and how much they may overlap.
        losses: float32 [batch, A].
        boxes: float32 [batch, A, 4], as predicted.
        match: int32 [batch, A].

    Returns:
        float32 [batch, A], 1 or 0; no gradient goes through it.
    """

    def mined(one: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image_losses, image_boxes, image_match = one
        anchors = tf.shape(image_losses)[0]
        most = anchors if spec.most is None else tf.minimum(spec.most, anchors)
        order = tf.image.non_max_suppression(image_boxes, image_losses, most, spec.iou_threshold)
        if spec.negatives_per_positive is not None:
            taken = tf.gather(image_match, order)
            positive = taken >= 0
            count = tf.reduce_sum(tf.cast(positive, tf.int32))
            limit = tf.maximum(spec.min_negatives, spec.negatives_per_positive * count)
            negatives = tf.cumsum(tf.cast(taken == UNMATCHED, tf.int32))
            order = tf.boolean_mask(order, positive | (negatives <= limit))
        return tf.scatter_nd(order[:, None], tf.ones_like(order, tf.float32), anchors[None])

    given = tuple(tf.stop_gradient(value) for value in (losses, boxes, match))
    signature = tf.TensorSpec([None], tf.float32)
    return tf.map_fn(mined, given, fn_output_signature=signature)
