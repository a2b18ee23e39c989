"""The losses of a batch, those of its weights aside.

Source: object_detection/core/losses.py and meta_architectures/ssd_meta_arch.py, `loss`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.box_coder import decode_boxes
from odapi_runner.engine.heads.common import CODE_SIZE
from odapi_runner.engine.ssd.classification import classification_losses
from odapi_runner.engine.ssd.hard_examples import hard_examples
from odapi_runner.engine.ssd.loss_spec import Loss, SmoothL1
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import Targets
from odapi_runner.metrics import LOSS_TAGS

LOCALIZATION = LOSS_TAGS["loss_localization"]
CLASSIFICATION = LOSS_TAGS["loss_classification"]


def smooth_l1_loss(codes: tf.Tensor, targets: tf.Tensor, *, delta: float) -> tf.Tensor:
    """Huber loss of each entry: square below `delta`, linear above; the shape of `codes`."""
    error = tf.abs(codes - targets)
    square = tf.minimum(error, delta)
    return 0.5 * square * square + delta * (error - square)


def detection_losses(spec: Ssd, predictions: Predictions, targets: Targets) -> dict[str, tf.Tensor]:
    """The weighted losses of a batch by their tags, each float32 [].

    Both are sums over the anchors, divided by the weight of the matched ones (at least 1) where
    the config says so; localisation also by the code size.
    """
    loss = spec.loss
    located = _localization_losses(loss, predictions.codes, targets)
    classified = classification_losses(
        loss.classification, predictions.logits, targets.classes, targets.class_weights
    )
    if loss.hard_examples is not None:
        boxes = decode_boxes(predictions.codes, predictions.anchors, spec.box_code_scale)
        by = {
            "BOTH": loss.classification_weight * classified + loss.localization_weight * located,
            "CLASSIFICATION": classified,
            "LOCALIZATION": located,
        }[loss.hard_examples.by]
        counted = hard_examples(loss.hard_examples, by, boxes, targets.match)
        located, classified = located * counted, classified * counted
    normalizer = tf.constant(1.0)
    if loss.normalize_by_matches:
        normalizer = tf.maximum(tf.reduce_sum(targets.code_weights), 1.0)
    code_size = CODE_SIZE if loss.normalize_by_code_size else 1
    localization = tf.reduce_sum(located) / (normalizer * code_size)
    classification = tf.reduce_sum(classified) / normalizer
    return {
        LOCALIZATION: loss.localization_weight * localization,
        CLASSIFICATION: loss.classification_weight * classification,
    }


def _localization_losses(spec: Loss, codes: tf.Tensor, targets: Targets) -> tf.Tensor:
    """Of each anchor, float32 [batch, A]."""
    weights = targets.code_weights[..., None]
    if isinstance(spec.localization, SmoothL1):
        entries = smooth_l1_loss(codes, targets.codes, delta=spec.localization.delta) * weights
    else:
        # The weights count squared, there as here.
        entries = 0.5 * tf.square((codes - targets.codes) * weights)
    return tf.reduce_sum(entries, axis=-1)
