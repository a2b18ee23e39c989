"""Losses of class scores.

Source: object_detection/core/losses.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.ssd.loss_spec import (
    BootstrappedSigmoid,
    ClassificationLoss,
    Dice,
    FocalSigmoid,
    PenaltyReduced,
    Softmax,
)
from odapi_runner.engine.ssd.sigmoid import sigmoid_losses

LEAST_PROBABILITY = 1e-4


def classification_losses(
    spec: ClassificationLoss, logits: tf.Tensor, classes: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """The loss of each anchor.

    Args:
        spec: which loss.
        logits: float32 [batch, A, slots].
        classes: int32 [batch, A], which slot is to be 1; -1 is none. Or float32 [batch, A, slots],
            what each is to be.
        weights: float32 [batch, A] or [batch, A, slots].

    Returns:
        float32 [batch, A]; of dice, which knows no anchors, [batch, slots].
    """
    if classes.dtype.is_floating:
        targets = classes
    elif isinstance(spec, FocalSigmoid):
        return sigmoid_losses(logits, classes, weights, spec)
    else:
        targets = tf.one_hot(classes, logits.shape[-1])
    if isinstance(spec, Softmax):
        wanted = tf.nn.softmax(targets / spec.logit_scale) if spec.against_logits else targets
        entropy = tf.nn.softmax_cross_entropy_with_logits(wanted, logits / spec.logit_scale)
        return entropy * (weights if len(weights.shape) == 2 else tf.reduce_mean(weights, axis=-1))
    each = weights[..., None] if len(weights.shape) == 2 else weights
    if isinstance(spec, Dice):
        return dice_losses(logits, targets, each, spec)
    if isinstance(spec, FocalSigmoid):
        entries = focal_loss(logits, targets, spec)
    elif isinstance(spec, BootstrappedSigmoid):
        entries = bootstrapped_loss(logits, targets, spec)
    else:
        entries = penalty_reduced_loss(logits, targets, spec)
    return tf.reduce_sum(entries * each, axis=-1)


def focal_loss(logits: tf.Tensor, targets: tf.Tensor, spec: FocalSigmoid) -> tf.Tensor:
    """Sigmoid focal loss of each entry, of targets that may lie between 0 and 1.

    Source: Lin et al., Focal Loss for Dense Object Detection, equation 5.
    """
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    if spec.gamma:
        # How wrong each entry is: 1 - p_t.
        wrong = targets + tf.sigmoid(logits) * (1 - 2 * targets)
        loss *= tf.pow(wrong, spec.gamma)
    if spec.alpha is not None:
        loss *= 1 - spec.alpha + targets * (2 * spec.alpha - 1)
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


def penalty_reduced_loss(logits: tf.Tensor, targets: tf.Tensor, spec: PenaltyReduced) -> tf.Tensor:
    """Focal loss of each entry of probabilities that are kept away from 0 and 1.

    Source: Zhou et al., Objects as Points, equation 1.
    """
    sigmoid = tf.sigmoid(logits)
    probability = tf.clip_by_value(sigmoid, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    right = tf.where(targets == 1, probability, 1 - probability)
    reduced = tf.where(targets == 1, 1.0, tf.pow(1 - targets, spec.beta))
    return -reduced * tf.pow(1 - right, spec.alpha) * tf.math.log(right)


def dice_losses(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, spec: Dice) -> tf.Tensor:
    """Of each class of an image, all anchors together: [batch, slots].

    The weights count in both factors of what is common, there as here.

    Source: Milletari et al., V-Net, section 3.
    """
    said = logits if spec.probabilities else tf.sigmoid(logits)
    if spec.squared:
        said, targets = tf.square(said), tf.square(targets)
    said, wanted = said * weights, targets * weights
    common = tf.reduce_sum(said * wanted, axis=1)
    areas = tf.reduce_sum(said, axis=1) + tf.reduce_sum(wanted, axis=1)
    return 1 - 2 * common / tf.maximum(areas, 1.0)
