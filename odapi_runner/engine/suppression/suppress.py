"""Suppress all but the best of overlapping boxes, exactly, and without looking at most of them.

What suppresses a box has a higher score. The k best pairs of an anchor and a class therefore
decide among themselves what is left of them, and the k best pairs lie within the k best anchors.
Where enough is left of them, that is the result; else k grows, up to all pairs.

Pairs of equal scores come in the order of class and anchor. The first look does without that, and
counts only on scores above whatever it did not see; the following looks rank equals, too.

Source: object_detection/core/post_processing.py, `batch_multiclass_non_max_suppression`.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from odapi_runner.engine import boxes as geometry
from odapi_runner.engine.detector import Detected
from odapi_runner.engine.spec.suppression import Nms
from odapi_runner.engine.suppression.overlap import NONE, choose_in_turn
from odapi_runner.engine.suppression.scores import Scored

_FIRST_LOOK = 8  # pairs for each detection wanted
_GROWTH = 8
_FIRST_NORMAL = 2**23  # the bits of the least float32 with all its digits
_ROUNDING = 1e-6  # relative; more than what converting a score errs by


class _Candidates(NamedTuple):
    """The best P pairs of each image, best first; of equal scores the lower class, then anchor."""

    boxes: tf.Tensor  # float32 [batch, P, 4]
    scores: tf.Tensor  # float32 [batch, P]; NONE where there is no further pair
    classes: tf.Tensor  # int32 [batch, P]
    groups: tf.Tensor  # int32 [batch, P]: boxes of different groups do not touch each other
    places: tf.Tensor  # int32 [batch, P], group * n + number in `anchors`
    anchors: tf.Tensor  # float32 [batch, n, 4], the boxes that the pairs are of
    bound: tf.Tensor  # float32 [batch]: only above this score are these all that there is
    all_there: tf.Tensor  # bool [batch]: whether there is no further pair at all


def suppress(nms: Nms, scored: Scored, boxes: tf.Tensor, windows: tf.Tensor) -> Detected:
    """Keep the best of overlapping boxes of a class, and the best of all.

    Suppression sees the boxes unclipped; clipping comes after it, and drops the boxes of no area,
    then the limit over all classes applies.

    Args:
        nms: thresholds and limits.
        scored: the scores of the anchors.
        boxes: float32 [batch, A, 4], of the anchors.
        windows: float32 [batch, 4], the image inside the padded input, in units of that.
    """
    num_anchors = tf.shape(boxes)[1]
    num_groups = 1 if nms.class_agnostic else scored.num_classes
    per_group = nms.max_total if nms.class_agnostic else nms.max_per_class

    def look(count: tf.Tensor, *_: tf.Tensor, again: bool = True) -> tuple[tf.Tensor, ...]:
        number = tf.minimum(count, num_anchors)
        if again:
            anchors = _best_anchors(scored, number, num_anchors, by_class=not nms.class_agnostic)
            bound = tf.fill(tf.shape(boxes)[:1], NONE)
        else:
            best = tf.math.top_k(scored.best, number)
            anchors = tf.sort(best.indices, axis=1)
            bound = scored.bound(best.values[:, -1])
            bound = tf.where(number < num_anchors, bound + _ROUNDING * tf.abs(bound), NONE)
        candidates = _candidates(nms, scored, boxes, anchors, bound, count, num_groups)
        complete, found = _keep(nms, candidates, windows, per_group, num_groups)
        return (count * _GROWTH, complete, *found)

    def incomplete(_: tf.Tensor, complete: tf.Tensor, *__: tf.Tensor) -> tf.Tensor:
        return ~tf.reduce_all(complete)

    first = look(tf.constant(_FIRST_LOOK * nms.max_total), again=False)
    _, _, *found = tf.while_loop(incomplete, look, first)
    return Detected(*found)


def _best_anchors(
    scored: Scored, number: tf.Tensor, num_anchors: tf.Tensor, *, by_class: bool
) -> tf.Tensor:
    """The anchors of the `number` best pairs and some more, int32 [batch, number], rising.

    Ranked by its best pair as pairs are, an anchor that falls out has `number` better ones before
    it, each with a pair before all of its own.
    """
    batch = tf.shape(scored.best)[0]
    scores = scored.of(tf.broadcast_to(tf.range(num_anchors), [batch, num_anchors]))
    rank = tf.reduce_max(scores, axis=-1)
    if by_class:
        # Floats and their bits taken as integers rise together, above 0; below, bits fall.
        bits = tf.bitcast(rank, tf.int32)
        bits = tf.cast(tf.where(bits < 0, bits ^ 0x7FFFFFFF, bits), tf.int64)
        rank = bits * scored.num_classes - tf.argmax(scores, axis=-1)
    return tf.sort(tf.math.top_k(rank, number).indices, axis=1)


def _candidates(
    nms: Nms,
    scored: Scored,
    boxes: tf.Tensor,
    anchors: tf.Tensor,
    bound: tf.Tensor,
    count: tf.Tensor,
    num_groups: int,
) -> _Candidates:
    """The `count` best pairs of some anchors; those of too low a score are none.

    Args:
        nms: thresholds, and whether classes make different groups.
        scored: the scores of all anchors.
        boxes: float32 [batch, A, 4], of all anchors.
        anchors: int32 [batch, n], rising.
        bound: float32 [batch]: what other anchors may reach; NONE where equals are ranked.
        count: int32 [], of pairs.
        num_groups: 1 or the number of classes.
    """
    number = tf.shape(anchors)[1]
    anchor_boxes = tf.gather(boxes, anchors, batch_dims=1)
    scores = scored.of(anchors)
    best_classes = tf.argmax(scores, axis=-1, output_type=tf.int32)
    if nms.class_agnostic:
        scores = tf.reduce_max(scores, axis=-1, keepdims=True)
    offered = scores > nms.score_threshold
    if not nms.combined:
        # A score below 0 marks what is no detection, there.
        offered &= scores >= 0
    by_class = tf.transpose(tf.where(offered, scores, NONE), [0, 2, 1])
    flat = tf.reshape(by_class, [tf.shape(scores)[0], -1])
    best = tf.math.top_k(flat, tf.minimum(count, tf.shape(flat)[1]))
    groups, anchor = best.indices // number, best.indices % number
    last = best.values[:, -1]
    in_all = (last == NONE) & (bound <= nms.score_threshold)
    all_there = in_all | (count >= num_groups * tf.shape(boxes)[1])
    # Lowered scores come in no order among the others.
    strict = (bound > NONE) | (nms.soft_sigma > 0)
    bound = tf.where(strict & ~all_there, tf.maximum(bound, last), NONE)
    return _Candidates(
        boxes=tf.gather(anchor_boxes, anchor, batch_dims=1),
        scores=best.values,
        classes=tf.gather(best_classes, anchor, batch_dims=1) if nms.class_agnostic else groups,
        groups=groups,
        places=best.indices,
        anchors=anchor_boxes,
        bound=bound,
        all_there=all_there,
    )


def _keep(
    nms: Nms, candidates: _Candidates, windows: tf.Tensor, per_group: int, num_groups: int
) -> tuple[tf.Tensor, Detected]:
    """What is left of some candidates, and for which images that is certain, bool [batch]."""
    limits = {"per_group": per_group, "num_groups": num_groups}
    clipped = _clip(candidates.boxes, windows, nms)
    counted = nms.combined | (geometry.areas(clipped) > 0)
    if nms.soft_sigma > 0 or nms.static_shapes:
        chosen, scores = choose_in_turn(
            nms, candidates.boxes, candidates.scores, candidates.groups, counted, **limits
        )
    else:
        chosen, scores = _choose_at_once(candidates, nms.iou_threshold, **limits)
    certain = scores > candidates.bound[:, None]
    kept = certain & tf.gather(counted, chosen, batch_dims=1)
    complete = (
        candidates.all_there
        | (_count(certain) >= per_group * num_groups)
        | (_count(kept) >= nms.max_total)
    )
    boxes = tf.gather(clipped, chosen, batch_dims=1)
    if nms.image_frame:
        boxes /= tf.tile(windows[:, None, 2:], [1, 1, 2])
    classes = tf.gather(candidates.classes, chosen, batch_dims=1)
    return complete, _front(kept, Detected(boxes, scores, classes, _count(kept)), nms.max_total)


def _choose_at_once(
    candidates: _Candidates, iou_threshold: float, *, per_group: int, num_groups: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """By TensorFlow's kernel for all groups; what `choose_in_turn` returns.

    The kernel leaves the order of equal scores open. It is given the places of the candidates in
    their order instead, of which no two are equal.
    """
    batch, number = tf.unstack(tf.shape(candidates.scores))
    num_anchors = tf.shape(candidates.anchors)[1]
    # Positive floats rise with their bits taken as integers; the first are left out as denormal.
    bits = number - tf.range(number) + _FIRST_NORMAL
    order = tf.where(candidates.scores > NONE, tf.bitcast(bits, tf.float32), 0.0)
    image = tf.broadcast_to(tf.range(batch)[:, None], [batch, number])
    ranks = tf.scatter_nd(
        tf.stack([image, candidates.places], axis=-1), order, [batch, num_groups * num_anchors]
    )
    found = tf.image.combined_non_max_suppression(
        candidates.anchors[:, :, None, :],
        tf.transpose(tf.reshape(ranks, [batch, num_groups, num_anchors]), [0, 2, 1]),
        max_output_size_per_class=per_group,
        max_total_size=tf.minimum(number, per_group * num_groups),
        iou_threshold=iou_threshold,
        score_threshold=0.0,
        clip_boxes=False,
    )
    is_one = tf.range(tf.shape(found.nmsed_scores)[1]) < found.valid_detections[:, None]
    place = number + _FIRST_NORMAL - tf.bitcast(found.nmsed_scores, tf.int32)
    chosen = tf.where(is_one, place, 0)
    return chosen, tf.where(is_one, tf.gather(candidates.scores, chosen, batch_dims=1), NONE)


def _clip(boxes: tf.Tensor, windows: tf.Tensor, nms: Nms) -> tf.Tensor:
    if nms.combined:
        # Each side against its own border only, there as here: outside it ends before it begins.
        low = tf.maximum(boxes[..., :2], windows[:, None, :2])
        return tf.concat([low, tf.minimum(boxes[..., 2:], windows[:, None, 2:])], axis=-1)
    return geometry.clip(boxes, windows[:, None, :])


def _count(chosen: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1)


def _front(kept: tf.Tensor, found: Detected, size: int) -> Detected:
    """What is kept, in its order, in the first of `size` rows; 0 in the others."""
    # A stable sort brings what is kept to the front.
    order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)[:, :size]
    chosen = tf.gather(kept, order, batch_dims=1)
    padding = [[0, 0], [0, size - tf.shape(order)[1]]]

    def rows(values: tf.Tensor) -> tf.Tensor:
        values = tf.gather(values, order, batch_dims=1)
        mask = tf.reshape(chosen, [*tf.unstack(tf.shape(chosen)), *[1] * (len(values.shape) - 2)])
        values = tf.where(mask, values, tf.zeros([], values.dtype))
        padded = tf.pad(values, [*padding, *[[0, 0]] * (len(values.shape) - 2)])
        return tf.ensure_shape(padded, [None, size, *values.shape[2:]])

    return Detected(rows(found.boxes), rows(found.scores), rows(found.classes), _count(chosen))
