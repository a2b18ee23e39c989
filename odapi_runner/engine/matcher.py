"""Which box each anchor of an image answers for.

Source: object_detection/matchers/argmax_matcher.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.spec.boxes import Matcher, Thresholds

UNMATCHED = -1
IGNORED = -2


def match_anchors(similarity: tf.Tensor, valid: tf.Tensor, spec: Matcher) -> tf.Tensor:
    """Match each anchor with the box that it is most like.

    Args:
        similarity: float32 [G, A], of G groundtruth boxes, one at least, with A anchors.
        valid: bool [G], which boxes may claim an anchor.
        spec: the thresholds; with `force_match` each valid box claims the anchor most like it,
            however little that is.

    Returns:
        int32 [A]: the row of the matched box, UNMATCHED or IGNORED. Where several boxes are
        equally alike, or several claim one anchor, the first row wins.
    """
    matches = tf.argmax(similarity, axis=0, output_type=tf.int32)
    if spec.thresholds is not None:
        matches = _apply(spec.thresholds, matches, tf.reduce_max(similarity, axis=0))
    return _force(matches, similarity, valid) if spec.force_match else matches


def _apply(thresholds: Thresholds, matches: tf.Tensor, best: tf.Tensor) -> tf.Tensor:
    low, middle = UNMATCHED, IGNORED
    if not thresholds.negatives_below_unmatched:
        low, middle = middle, low
    matches = tf.where(best >= thresholds.matched, matches, middle)
    return tf.where(best < thresholds.unmatched, low, matches)


def _force(matches: tf.Tensor, similarity: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    claimed = tf.argmax(similarity, axis=1, output_type=tf.int32)
    rows = tf.range(tf.shape(similarity)[0])
    # Of the rows that claim an anchor the smallest wins.
    nobody = tf.fill(tf.shape(matches), tf.size(rows))
    places = tf.boolean_mask(claimed, valid)[:, None]
    first = tf.tensor_scatter_nd_min(nobody, places, tf.boolean_mask(rows, valid))
    return tf.where(first < tf.size(rows), first, matches)
