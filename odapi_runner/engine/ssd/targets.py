"""What each anchor should have predicted, and how much it counts.

Source: object_detection/core/target_assigner.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from odapi_runner.engine.box_coder import encode_boxes
from odapi_runner.engine.matcher import UNMATCHED, match_anchors
from odapi_runner.engine.similarity import similarities
from odapi_runner.engine.spec.boxes import Ioa, Iou
from odapi_runner.engine.ssd.spec import Ssd

IN_REGION = -3
NO_CLASS = -1


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of a batch: of all A anchors, and of the P that are matched with a box."""

    match: tf.Tensor  # int32 [batch, A]: row of the box, -1 unmatched, -2 ignored, -3 in a region
    # int32 [batch, A]: which class score is to be 1, the others being 0; -1 is none. With a
    # background class that is score 0, wanted where nothing is matched unless it is to be 0 too.
    # Of boxes with scores of each class float32 [batch, A, slots]: what each is to be.
    classes: tf.Tensor
    class_weights: tf.Tensor  # float32 [batch, A], or [batch, A, slots]: one of each class score
    places: tf.Tensor  # int64 [P, 2]: image and anchor, in this order
    codes: tf.Tensor  # float32 [P, code size]
    code_weights: tf.Tensor  # float32 [P]


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
        spec: similarity, matcher, box coder, classes, weight of the negatives.
        anchors: float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's side.
        groundtruth_boxes: float32 [batch, G, 4], order and unit of `anchors`; padding is 0.
        groundtruth_classes: int32 [batch, G], from 0; or float32 [batch, G, classes], how much each
            box is of each class.
        groundtruth_weights: float32 [batch, G]; a box of weight 0 takes its anchors out of the
            loss but claims none; padding is 0.
        ignored: bool [batch, G], regions (`is_crowd`, `group_of`) in which nothing found is
            wrong: an anchor of which the matcher's `unmatched_threshold` lies inside one, and
            that no box matches, is taken out of the loss. (The Object Detection API trains on
            such boxes as on any other.)
    """
    images = groundtruth_boxes, groundtruth_weights, ignored
    signature = tf.TensorSpec(anchors.shape[:1], tf.int32)
    match = tf.map_fn(
        lambda image: _match_image(spec, anchors, *image), images, fn_output_signature=signature
    )
    places = tf.where(match >= 0)
    row = tf.cast(tf.gather_nd(match, places), tf.int64)
    boxes, classes, weights = (
        tf.gather_nd(values, tf.stack([places[:, 0], row], axis=1))
        for values in (groundtruth_boxes, groundtruth_classes, groundtruth_weights)
    )
    codes = encode_boxes(boxes, tf.gather(anchors, places[:, 1]), spec.box_coder)
    slots = _slots(spec, classes)
    if spec.loss.implicit_weight is None:
        of_negatives = tf.where(match == UNMATCHED, spec.loss.negative_class_weight, 0.0)
        class_weights = tf.tensor_scatter_nd_update(of_negatives, places, weights)
    else:
        # The confidence in a box is 1: the records have no other (inputs.py).
        weights = tf.ones_like(weights)
        class_weights = _confidences(spec.loss.implicit_weight, match, places, slots)
    return Targets(
        match=match,
        classes=_classes(spec, match, places, classes, slots),
        class_weights=class_weights,
        places=places,
        codes=codes,
        code_weights=weights,
    )


def _match_image(
    spec: Ssd, anchors: tf.Tensor, boxes: tf.Tensor, weights: tf.Tensor, ignored: tf.Tensor
) -> tf.Tensor:
    """The match of an image: rows of `boxes` [G, 4], UNMATCHED, IGNORED or IN_REGION."""
    padding = (weights == 0) & tf.reduce_all(boxes == 0, axis=-1)
    objects = tf.cast(tf.where(~(ignored | padding))[:, 0], tf.int32)

    def matched() -> tf.Tensor:
        similarity = similarities(spec.similarity, tf.gather(boxes, objects), anchors)
        row = match_anchors(similarity, tf.gather(weights, objects) > 0, spec.matcher)
        return tf.where(row >= 0, tf.gather(objects, tf.maximum(row, 0)), row)

    def unmatched() -> tf.Tensor:
        return tf.fill(tf.shape(anchors)[:1], UNMATCHED)

    match = tf.cond(tf.size(objects) > 0, matched, unmatched)

    def marked() -> tf.Tensor:
        inside = similarities(Ioa(), tf.boolean_mask(boxes, ignored), anchors)
        covered = tf.reduce_max(inside, axis=0) >= _region_threshold(spec)
        return tf.where((match == UNMATCHED) & covered, IN_REGION, match)

    return tf.cond(tf.reduce_any(ignored), marked, lambda: match)


def _region_threshold(spec: Ssd) -> float:
    """How much of an anchor inside a region is enough, where the matcher's is a share of areas."""
    thresholds = spec.matcher.thresholds
    if thresholds is None or not isinstance(spec.similarity, Iou | Ioa):
        return 0.5
    return thresholds.unmatched


def _slots(spec: Ssd, classes: tf.Tensor) -> tf.Tensor:
    """What the class scores of P matched anchors are to be, float32 [P, slots]."""
    if classes.dtype.is_integer:
        classes = tf.one_hot(classes, spec.num_classes)
    return tf.pad(classes, [[0, 0], [int(spec.background_class), 0]])


def _classes(
    spec: Ssd, match: tf.Tensor, places: tf.Tensor, classes: tf.Tensor, slots: tf.Tensor
) -> tf.Tensor:
    """`Targets.classes`."""
    background_alone = spec.background_class and (
        not spec.background_as_zeros or spec.loss.implicit_weight is not None
    )
    alone = 0 if background_alone else NO_CLASS
    if classes.dtype.is_integer:
        nothing = tf.fill(tf.shape(match), alone)
        return tf.tensor_scatter_nd_update(nothing, places, classes + int(spec.background_class))
    nothing = tf.one_hot(tf.fill(tf.shape(match), alone), slots.shape[1])
    return tf.tensor_scatter_nd_update(nothing, places, slots)


def _confidences(
    implicit: float, match: tf.Tensor, places: tf.Tensor, slots: tf.Tensor
) -> tf.Tensor:
    """The weights of class scores where a box says something of its own classes only.

    Source: `batch_assign_confidences`; there as here an anchor that the matcher ignores counts.
    """
    of_anchors = tf.where(match == IN_REGION, 0.0, implicit)[..., None]
    said = tf.where(slots > 0, 1.0, implicit)
    # That it is no background is said as well.
    said = tf.concat([tf.ones_like(said[:, :1]), said[:, 1:]], axis=1)
    return tf.tensor_scatter_nd_update(tf.tile(of_anchors, [1, 1, slots.shape[1]]), places, said)
