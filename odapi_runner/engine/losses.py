"""The losses of a batch.

Source: object_detection/core/losses.py and meta_architectures/ssd_meta_arch.py, `loss`.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.heads.common import CODE_SIZE
from odapi_runner.engine.input import Batch
from odapi_runner.engine.models.ssd import Predictions, SsdNetwork
from odapi_runner.engine.spec import Loss, Spec
from odapi_runner.engine.targets import Targets, assign_targets
from odapi_runner.metrics import LOSS_TAGS

LOCALIZATION = LOSS_TAGS["loss_localization"]
CLASSIFICATION = LOSS_TAGS["loss_classification"]
REGULARIZATION = LOSS_TAGS["loss_regularization"]
TOTAL = LOSS_TAGS["loss_total"]


def focal_loss(
    logits: tf.Tensor, targets: tf.Tensor, *, alpha: float | None, gamma: float
) -> tf.Tensor:
    """Sigmoid focal loss of each entry, float32, the shape of `logits` and `targets`.

    Source: Lin et al., Focal Loss for Dense Object Detection, equation 5.
    """
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    probability = tf.sigmoid(logits)
    # How wrong each entry is: 1 - p_t.
    wrong = targets + probability * (1 - 2 * targets)
    loss = entropy
    if gamma:
        loss = tf.pow(wrong, gamma) * loss
    if alpha is not None:
        loss = (1 - alpha + targets * (2 * alpha - 1)) * loss
    return loss


def smooth_l1_loss(codes: tf.Tensor, targets: tf.Tensor, *, delta: float) -> tf.Tensor:
    """Huber loss of each entry: square below `delta`, linear above; the shape of `codes`."""
    error = tf.abs(codes - targets)
    square = tf.minimum(error, delta)
    return 0.5 * square * square + delta * (error - square)


def detection_losses(
    spec: Loss, codes: tf.Tensor, logits: tf.Tensor, targets: Targets
) -> dict[str, tf.Tensor]:
    """The weighted losses of a batch by their tags, each float32 [].

    Both are sums over the anchors, divided by the weight of the matched ones (at least 1) where
    the config says so; localisation also by the code size.
    """
    located = smooth_l1_loss(codes, targets.codes, delta=spec.delta)
    localization = tf.reduce_sum(located * targets.code_weights[..., None])
    classified = focal_loss(logits, targets.classes, alpha=spec.alpha, gamma=spec.gamma)
    classification = tf.reduce_sum(classified * targets.class_weights[..., None])
    normalizer = tf.constant(1.0)
    if spec.normalize_by_matches:
        normalizer = tf.maximum(tf.reduce_sum(targets.code_weights), 1.0)
    code_size = CODE_SIZE if spec.normalize_by_code_size else 1
    return {
        LOCALIZATION: (spec.localization_weight * localization / (normalizer * code_size)),
        CLASSIFICATION: spec.classification_weight * classification / normalizer,
    }


def total_losses(
    spec: Spec, network: SsdNetwork, batch: Batch, predictions: Predictions
) -> dict[str, tf.Tensor]:
    """All losses of a batch by their tags, and their sum, each float32 []."""
    targets = assign_targets(
        spec.model, predictions.anchors, batch.boxes, batch.classes, batch.weights, batch.ignored
    )
    losses = detection_losses(spec.model.loss, predictions.codes, predictions.logits, targets)
    if spec.train.regularize:
        losses[REGULARIZATION] = network.regularization_loss()
    losses[TOTAL] = tf.add_n(list(losses.values()))
    return losses
