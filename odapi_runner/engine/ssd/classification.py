"""Losses of class scores, each of one entry or one anchor.

Source: object_detection/core/losses.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.ssd.loss_spec import (
    BootstrappedSigmoid,
    ClassificationLoss,
    FocalSigmoid,
    PlainSigmoid,
    Softmax,
)


def classification_losses(
    spec: ClassificationLoss, logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """The loss of each anchor.

    Args:
        spec: which loss.
        logits: float32 [batch, A, slots].
        targets: float32 [batch, A, slots], one-hot or 0.
        weights: float32 [batch, A].

    Returns:
        float32 [batch, A].
    """
    if isinstance(spec, Softmax):
        wanted = tf.nn.softmax(targets / spec.logit_scale) if spec.against_logits else targets
        scaled = logits / spec.logit_scale
        return tf.nn.softmax_cross_entropy_with_logits(wanted, scaled) * weights
    if isinstance(spec, FocalSigmoid):
        entries = focal_loss(logits, targets, alpha=spec.alpha, gamma=spec.gamma)
    elif isinstance(spec, PlainSigmoid):
        entries = focal_loss(logits, targets, alpha=None, gamma=0.0)
    else:
        entries = bootstrapped_loss(logits, targets, spec)
    return tf.reduce_sum(entries, axis=-1) * weights


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


def bootstrapped_loss(
    logits: tf.Tensor, targets: tf.Tensor, spec: BootstrappedSigmoid
) -> tf.Tensor:
    """Sigmoid cross entropy with targets mixed with what the network says itself.

    The gradient goes through the mixed targets too, there as here.

    Source: Reed et al., Training Deep Neural Networks on Noisy Labels with Bootstrapping.
    """
    own = tf.sigmoid(logits)
    if spec.hard:
        own = tf.cast(own > 0.5, tf.float32)
    mixed = spec.alpha * targets + (1 - spec.alpha) * own
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=mixed, logits=logits)
