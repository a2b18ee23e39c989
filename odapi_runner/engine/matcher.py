"""Which box each anchor answers for.

Source: object_detection/matchers/argmax_matcher.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.spec.boxes import Matcher

UNMATCHED = -1
IGNORED = -2


def match_anchors(similarity: tf.Tensor, valid: tf.Tensor, spec: Matcher) -> tf.Tensor:
    """Match each anchor with the box that it is most like.

    Args:
        similarity: float32 [batch, G, A], IoU of G groundtruth boxes with A anchors; rows of
            padding are 0.
        valid: bool [batch, G], which rows are boxes that may claim an anchor.
        spec: the thresholds; with `force_match` each valid box claims the anchor most like it,
            however little that is.

    Returns:
        int32 [batch, A]: the row of the matched box, UNMATCHED or IGNORED. Where several boxes are
        equally alike, or several claim one anchor, the first row wins.
    """
    boxes = tf.shape(similarity)[1]
    # Without any box argmax has no axis to look along; one row of zeros stands for "none".
    similarity = tf.pad(similarity, [[0, 0], [0, tf.cast(boxes == 0, tf.int32)], [0, 0]])
    valid = tf.pad(valid, [[0, 0], [0, tf.cast(boxes == 0, tf.int32)]])
    best_row = tf.argmax(similarity, axis=1, output_type=tf.int32)
    best = tf.reduce_max(similarity, axis=1)
    low, middle = (UNMATCHED, IGNORED) if spec.negatives_below_unmatched else (IGNORED, UNMATCHED)
    matches = tf.where(best >= spec.matched_threshold, best_row, middle)
    matches = tf.where(best < spec.unmatched_threshold, low, matches)
    return _force(matches, similarity, valid) if spec.force_match else matches


def _force(matches: tf.Tensor, similarity: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    batch, rows = tf.shape(similarity)[0], tf.shape(similarity)[1]
    claimed = tf.argmax(similarity, axis=2, output_type=tf.int32)  # [batch, G]
    # Scatter the claims with the smallest row last to win: a minimum over the claiming rows.
    image = tf.broadcast_to(tf.range(batch)[:, None], tf.shape(claimed))
    places = tf.boolean_mask(tf.stack([image, claimed], axis=-1), valid)
    row = tf.broadcast_to(tf.range(rows)[None, :], tf.shape(claimed))
    nobody = tf.fill(tf.shape(matches), rows)
    first = tf.tensor_scatter_nd_min(nobody, places, tf.boolean_mask(row, valid))
    return tf.where(first < rows, first, matches)
