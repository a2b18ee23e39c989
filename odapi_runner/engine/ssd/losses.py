"""The losses of a batch, those of its weights aside.

Source: object_detection/meta_architectures/ssd_meta_arch.py, `loss`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.box_coder import decode_boxes
from odapi_runner.engine.ssd.classification import classification_losses
from odapi_runner.engine.ssd.hard_examples import hard_examples
from odapi_runner.engine.ssd.localization import localization_losses
from odapi_runner.engine.ssd.loss_spec import Loss
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.spec import Ssd
from odapi_runner.engine.ssd.targets import Targets
from odapi_runner.metrics import LOSS_TAGS

LOCALIZATION = LOSS_TAGS["loss_localization"]
CLASSIFICATION = LOSS_TAGS["loss_classification"]


def detection_losses(spec: Ssd, predictions: Predictions, targets: Targets) -> dict[str, tf.Tensor]:
    """The weighted losses of a batch by their tags, each float32 [].

    Both are sums over the anchors, divided by the weight of the matched ones (at least 1) where
    the config says so; localisation also by the code size.
    """
    loss = spec.loss
    codes = tf.gather_nd(predictions.codes, targets.places)
    located = localization_losses(loss.localization, codes, targets.codes, targets.code_weights)
    classified = classification_losses(
        loss.classification, predictions.logits, targets.classes, targets.class_weights
    )
    if loss.hard_examples is not None:
        costs = _costs(loss, loss.hard_examples.by, targets, located, classified)
        boxes = decode_boxes(predictions.codes, predictions.anchors, spec.box_coder)
        counted = hard_examples(loss.hard_examples, costs, boxes, targets.match)
        located *= tf.gather_nd(counted, targets.places)
        classified *= counted
    normalizer = tf.constant(1.0)
    if loss.normalize_by_matches:
        normalizer = tf.maximum(tf.reduce_sum(targets.code_weights), 1.0)
    code_size = spec.box_coder.code_size if loss.normalize_by_code_size else 1
    localization = tf.reduce_sum(located) / (normalizer * code_size)
    classification = tf.reduce_sum(classified) / normalizer
    return {
        LOCALIZATION: loss.localization_weight * localization,
        CLASSIFICATION: loss.classification_weight * classification,
    }


def _costs(
    loss: Loss, by: str, targets: Targets, located: tf.Tensor, classified: tf.Tensor
) -> tf.Tensor:
    """What each anchor costs, float32 [batch, A]."""
    of_anchors = tf.scatter_nd(targets.places, located, tf.shape(targets.match, tf.int64))
    if by == "BOTH":
        return loss.classification_weight * classified + loss.localization_weight * of_anchors
    return classified if by == "CLASSIFICATION" else of_anchors
