"""From predictions to detections.

Source: object_detection/core/post_processing.py, `batch_multiclass_non_max_suppression`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.box_coder import decode_boxes
from odapi_runner.engine.detector import Detected
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.spec import Ssd


def detect(
    spec: Ssd, predictions: Predictions, true_shapes_hw: tf.Tensor, input_hw: tf.Tensor
) -> Detected:
    """Suppress all but the best of overlapping boxes of a class, and keep the best of all.

    Suppression sees the boxes unclipped, and all anchors; clipping to the image comes after it,
    and drops the boxes of no area, then the limit over all classes applies.

    Args:
        spec: score converter, thresholds and limits.
        predictions: of the network.
        true_shapes_hw: int32 [batch, 2], height and width of the image inside the padded input.
        input_hw: int32 [2], of that input.
    """
    nms = spec.nms
    scores = predictions.logits / nms.logit_scale
    if nms.score_converter == "SIGMOID":
        scores = tf.sigmoid(scores)
    if spec.background_class:
        scores = scores[..., 1:]
    decoded = decode_boxes(predictions.codes, predictions.anchors, spec.box_code_scale)
    per_class = min(nms.max_per_class, predictions.anchors.shape[0] or nms.max_per_class)
    found = tf.image.combined_non_max_suppression(
        decoded[:, :, None, :],
        scores,
        max_output_size_per_class=per_class,
        max_total_size=per_class * spec.num_classes,
        iou_threshold=nms.iou_threshold,
        score_threshold=nms.score_threshold,
        clip_boxes=False,
    )
    found_boxes, found_scores, found_classes, count = found
    window = tf.cast(true_shapes_hw, tf.float32) / tf.cast(input_hw, tf.float32)
    window = tf.concat([tf.zeros_like(window), window], axis=1)[:, None, :]
    clipped = boxes.clip(found_boxes, window)
    valid = tf.range(tf.shape(found_scores)[1])[None, :] < count[:, None]
    kept = valid & (boxes.areas(clipped) > 0)
    # A stable sort brings what is kept to the front, in the order of the scores.
    order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)[:, : nms.max_total]
    in_image = clipped / tf.gather(window, [2, 3, 2, 3], axis=-1)
    chosen = tf.gather(kept, order, batch_dims=1)
    return Detected(
        boxes=tf.where(chosen[..., None], tf.gather(in_image, order, batch_dims=1), 0.0),
        scores=tf.where(chosen, tf.gather(found_scores, order, batch_dims=1), 0.0),
        classes=tf.where(
            chosen, tf.cast(tf.gather(found_classes, order, batch_dims=1), tf.int32), 0
        ),
        count=tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1),
    )
