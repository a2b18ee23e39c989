"""From logits to scores.

Source: object_detection/builders/post_processing_builder.py and calibration_builder.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from odapi_runner.engine.spec.suppression import Curve, Scores


class Scored(NamedTuple):
    """The scores of a batch's A anchors; converted for those only that are asked for."""

    num_classes: int
    best: tf.Tensor  # float32 [batch, A]: how good an anchor is at its best
    # From a value like those of `best`: a score that nothing worse exceeds, but for rounding.
    bound: Callable[[tf.Tensor], tf.Tensor]
    # int32 [batch, n] (anchors) -> float32 [batch, n, classes]
    of: Callable[[tf.Tensor], tf.Tensor]


def score_anchors(spec: Scores, logits: tf.Tensor, *, background: bool) -> Scored:
    """The scores of the classes.

    Args:
        spec: how logits become scores.
        logits: float32 [batch, A, slots].
        background: whether the first slot is no class.
    """
    first = int(background)
    num_classes = logits.shape[-1] - first
    by_slot = spec.converter != "SOFTMAX" and spec.curve is None and not spec.slot_curves
    if by_slot and spec.logit_scale > 0:
        # Scores rise with their logits. The background's make no difference but for the time:
        # they are not worth a copy of all the others.
        return Scored(
            num_classes,
            tf.reduce_max(logits, axis=-1),
            lambda best: convert_scores(spec, best),
            lambda anchors: convert_scores(spec, tf.gather(logits, anchors, batch_dims=1))[
                ..., first:
            ],
        )
    scores = convert_scores(spec, logits)[..., first:]
    return Scored(
        num_classes,
        tf.reduce_max(scores, axis=-1),
        tf.identity,
        lambda anchors: tf.gather(scores, anchors, batch_dims=1),
    )


def convert_scores(spec: Scores, logits: tf.Tensor) -> tf.Tensor:
    """The score of each slot; the shape of `logits`, float32 [..., slots]."""
    scaled = logits / spec.temperature * (1.0 / spec.logit_scale)
    scores = {"IDENTITY": tf.identity, "SIGMOID": tf.sigmoid, "SOFTMAX": tf.nn.softmax}[
        spec.converter
    ](scaled)
    if spec.curve is not None:
        flat = tf.reshape(scores, [1, -1])
        return tf.reshape(interpolate(flat, [spec.curve]), tf.shape(scores))
    if spec.slot_curves:
        return _calibrate_slots(scores, dict(spec.slot_curves))
    return scores


def _calibrate_slots(scores: tf.Tensor, curves: dict[int, Curve]) -> tf.Tensor:
    """Slots without a curve stay as they are."""
    num_slots = scores.shape[-1]
    slots = [slot for slot in sorted(curves) if 0 <= slot < num_slots]
    by_slot = tf.transpose(tf.reshape(scores, [-1, num_slots]))
    calibrated = interpolate(tf.gather(by_slot, slots), [curves[slot] for slot in slots])
    by_slot = tf.tensor_scatter_nd_update(by_slot, np.reshape(slots, [-1, 1]), calibrated)
    return tf.reshape(tf.transpose(by_slot), tf.shape(scores))


def interpolate(values: tf.Tensor, curves: list[Curve]) -> tf.Tensor:
    """Each row of `values`, float32 [R, N], along its own one of R curves; the same shape.

    More than 1 above the last x, a value gets the y of the first, there as here.

    Source: calibration_builder.py, `_tf_linear_interp1d`.
    """
    longest = max(len(curve.x) for curve in curves) + 2
    x = np.full([len(curves), longest], np.inf, np.float32)
    y = np.zeros([len(curves), longest], np.float32)
    for row, curve in enumerate(curves):
        points = len(curve.x) + 2
        xs = np.asarray(curve.x, np.float32)
        x[row, :points] = [xs[0] - 1, *xs, xs[-1] + 1]
        y[row, :points] = [curve.y[0], *curve.y, curve.y[-1]]
    last = np.array([[len(curve.x) + 1] for curve in curves], np.int32)
    place = tf.searchsorted(tf.constant(x), values, side="right") - 1
    place = tf.where((place < 0) | (place >= last), 0, place)
    low, high = (tf.gather(x, place + step, batch_dims=1) for step in (0, 1))
    share = (values - low) / (high - low)
    y_low, y_high = (tf.gather(y, place + step, batch_dims=1) for step in (0, 1))
    return (1 - share) * y_low + share * y_high
