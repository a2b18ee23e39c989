"""One box after another is chosen, and lowers the scores of the boxes that it overlaps.

Source: TensorFlow's kernel of `tf.image.non_max_suppression_with_scores`, and
`tf.image.non_max_suppression_padded` with `pad_to_max_output_size`, which the Object Detection API
calls with `use_static_shapes`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine import boxes as geometry
from odapi_runner.engine.spec.suppression import Nms

# Added to unions by `tf.image.non_max_suppression_padded`.
_EPSILON = 1e-8
NONE = float("-inf")  # the score of no candidate


def choose_in_turn(
    nms: Nms,
    boxes: tf.Tensor,
    scores: tf.Tensor,
    groups: tf.Tensor,
    counted: tf.Tensor,
    *,
    per_group: int,
    num_groups: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Choose the best candidate of each image again and again, until enough are chosen.

    Args:
        nms: `soft_sigma`, or `static_shapes` with the overlap from which on a box is removed.
        boxes: float32 [batch, P, 4], best first.
        scores: float32 [batch, P].
        groups: int32 [batch, P]; boxes of different groups do not touch each other.
        counted: bool [batch, P], which of them count for `nms.max_total`.
        per_group: how many of one group are chosen at most.
        num_groups: how many groups there are.

    Returns:
        int32 [batch, S], what was chosen, in that order, as numbers of candidates; and float32
        [batch, S], its score then, `NONE` where there was nothing left.
    """
    if nms.static_shapes:
        # There a box without a positive coordinate is what padding looks like.
        scores = tf.where(tf.reduce_any(boxes > 0, axis=-1), scores, NONE)
    batch, number = tf.unstack(tf.shape(scores))
    most = tf.minimum(number, per_group * num_groups)

    def step(
        place: tf.Tensor,
        left: tf.Tensor,
        room: tf.Tensor,
        missing: tf.Tensor,
        chosen: tf.Tensor,
        at: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        best = tf.argmax(left, axis=1, output_type=tf.int32)
        score = tf.gather(left, best, batch_dims=1)
        chosen = tf.tensor_scatter_nd_update(chosen, [[place]], best[None])
        at = tf.tensor_scatter_nd_update(at, [[place]], score[None])
        group = tf.gather(groups, best, batch_dims=1)
        room -= tf.one_hot(group, num_groups, dtype=tf.int32)
        same = groups == group[:, None]
        overlap = _overlaps(tf.gather(boxes, best, batch_dims=1), boxes, static=nms.static_shapes)
        weakened = tf.where(same, _weakened(nms, left, overlap), left)
        full = same & (tf.gather(room, group, batch_dims=1) <= 0)[:, None]
        gone = full | (tf.range(number) == best[:, None])
        missing -= tf.cast(tf.gather(counted, best, batch_dims=1), tf.int32)
        return place + 1, tf.where(gone, NONE, weakened), room, missing, chosen, at

    def goes_on(
        place: tf.Tensor, left: tf.Tensor, _: tf.Tensor, missing: tf.Tensor, *__: tf.Tensor
    ) -> tf.Tensor:
        return (place < most) & tf.reduce_any((left > NONE) & (missing > 0)[:, None])

    _, _, _, _, chosen, at = tf.while_loop(
        goes_on,
        step,
        [
            tf.constant(0),
            scores,
            tf.fill([batch, num_groups], per_group),
            tf.fill([batch], nms.max_total),
            tf.zeros([most, batch], tf.int32),
            tf.fill([most, batch], NONE),
        ],
    )
    return tf.transpose(chosen), tf.transpose(at)


def _weakened(nms: Nms, scores: tf.Tensor, overlap: tf.Tensor) -> tf.Tensor:
    """Scores beside a chosen box; `NONE` where nothing above the threshold is left."""
    if nms.static_shapes:
        return tf.where(overlap >= nms.iou_threshold, NONE, scores)
    lower = tf.where(scores > NONE, scores, 0.0) * tf.exp(overlap**2 * (-0.5 / nms.soft_sigma))
    alive = (scores > NONE) & (lower > nms.score_threshold)
    return tf.where(alive, lower, NONE)


def _overlaps(box: tf.Tensor, others: tf.Tensor, *, static: bool) -> tf.Tensor:
    """Intersection over union of a box [batch, 4] of each image with its others, [batch, P, 4]."""
    own, theirs = tf.unstack(box[:, None, :], axis=-1), tf.unstack(others, axis=-1)
    low = [tf.maximum(one, other) for one, other in zip(own[:2], theirs[:2], strict=True)]
    high = [tf.minimum(one, other) for one, other in zip(own[2:], theirs[2:], strict=True)]
    height, width = (tf.maximum(end - start, 0.0) for start, end in zip(low, high, strict=True))
    shared = height * width
    union = geometry.areas(box)[:, None] + geometry.areas(others) - shared
    if static:
        return shared / (union + _EPSILON)
    return tf.math.divide_no_nan(shared, union)
