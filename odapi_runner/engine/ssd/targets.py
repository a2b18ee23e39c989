"""What each anchor should have predicted, and how much it counts.

Source: object_detection/core/target_assigner.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.box_coder import encode_boxes
from odapi_runner.engine.matcher import IGNORED, UNMATCHED, match_anchors
from odapi_runner.engine.ssd.spec import Ssd


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of a batch, in the order of the anchors."""

    codes: tf.Tensor  # float32 [batch, A, 4]; 0 where nothing is matched
    code_weights: tf.Tensor  # float32 [batch, A]; 0 where nothing is matched
    # float32 [batch, A, classes], that of the matched box, where nothing is matched 0; with a
    # background class one more in front, which is 1 there unless the config has zeros for it
    classes: tf.Tensor
    class_weights: tf.Tensor  # float32 [batch, A]
    match: tf.Tensor  # int32 [batch, A]: row of the matched box, -1 unmatched, -2 ignored


def assign_targets(
    spec: Ssd,
    anchors: tf.Tensor,
    groundtruth_boxes: tf.Tensor,
    groundtruth_classes: tf.Tensor,
    groundtruth_weights: tf.Tensor,
    ignored: tf.Tensor,
) -> Targets:
    """Match anchors with boxes and turn the matches into targets.

    Args:
        spec: matcher, box coder, classes, weight of the negatives.
        anchors: float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's side.
        groundtruth_boxes: float32 [batch, G, 4], order and unit of `anchors`; padding is 0.
        groundtruth_classes: int32 [batch, G], from 0; or float32 [batch, G, classes], how much each
            box is of each class.
        groundtruth_weights: float32 [batch, G]; a box of weight 0 takes its anchors out of the
            loss but claims none; padding is 0.
        ignored: bool [batch, G], regions (`is_crowd`, `group_of`) in which nothing found is
            wrong: an anchor of which the matcher's `unmatched_threshold` lies inside one, and
            that no box matches, is ignored. (The Object Detection API trains on such boxes as on
            any other.)
    """
    objects = ~ignored
    similarity = boxes.iou(groundtruth_boxes, anchors)
    similarity = tf.where(objects[..., None], similarity, 0.0)
    valid = objects & (groundtruth_weights > 0)
    match = match_anchors(similarity, valid, spec.matcher)
    match = _ignore_regions(match, groundtruth_boxes, ignored, anchors, spec)

    matched = match >= 0
    row = tf.maximum(match, 0)
    # A batch without a single box still has a row to gather from.
    some_boxes, some_classes, some_weights = (
        tf.pad(values, [[0, 0], [0, 1], *[[0, 0]] * (len(values.shape) - 2)])
        for values in (groundtruth_boxes, groundtruth_classes, groundtruth_weights)
    )
    matched_boxes = tf.gather(some_boxes, row, batch_dims=1)
    codes = encode_boxes(matched_boxes, anchors, spec.box_code_scale)
    weights = tf.gather(some_weights, row, batch_dims=1)
    background = int(spec.background_class)
    of_match = tf.gather(some_classes, row, batch_dims=1)
    if of_match.dtype.is_floating:
        of_match = tf.pad(of_match, [[0, 0], [0, 0], [background, 0]])
    else:
        of_match = tf.one_hot(of_match + background, spec.num_classes + background)
    nothing = 0.0
    if spec.background_class and not spec.background_as_zeros:
        nothing = tf.one_hot(0, spec.num_classes + 1)
    negative = tf.where(match == UNMATCHED, spec.loss.negative_class_weight, 0.0)
    return Targets(
        codes=tf.where(matched[..., None], codes, 0.0),
        code_weights=tf.where(matched, weights, 0.0),
        classes=tf.where(matched[..., None], of_match, nothing),
        class_weights=tf.where(matched, weights, negative),
        match=match,
    )


def _ignore_regions(
    match: tf.Tensor, regions: tf.Tensor, ignored: tf.Tensor, anchors: tf.Tensor, spec: Ssd
) -> tf.Tensor:
    """Take the unmatched anchors that lie inside an ignored region out of the loss."""

    def marked() -> tf.Tensor:
        inside = boxes.intersections(regions, anchors) / boxes.areas(anchors)
        covering = ignored[..., None] & (inside >= spec.matcher.unmatched_threshold)
        covered = tf.reduce_any(covering, axis=1)
        return tf.where((match == UNMATCHED) & covered, IGNORED, match)

    return tf.cond(tf.reduce_any(ignored), marked, lambda: match)
