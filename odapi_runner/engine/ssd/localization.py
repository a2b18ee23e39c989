"""Losses of regression codes, each of one anchor.

Source: object_detection/core/losses.py.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.ssd.loss_spec import LocalizationLoss, SmoothL1


def localization_losses(
    spec: LocalizationLoss, codes: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """The loss of each anchor.

    Args:
        spec: which loss.
        codes: float32 [P, code size], as predicted.
        targets: float32 [P, code size].
        weights: float32 [P].

    Returns:
        float32 [P].
    """
    if isinstance(spec, SmoothL1):
        entries = smooth_l1_loss(codes, targets, delta=spec.delta)
        return tf.reduce_sum(entries, axis=-1) * weights
    # The weights count squared, there as here.
    return 0.5 * tf.reduce_sum(tf.square(codes - targets), axis=-1) * tf.square(weights)


def smooth_l1_loss(codes: tf.Tensor, targets: tf.Tensor, *, delta: float) -> tf.Tensor:
    """Huber loss of each entry: square below `delta`, linear above; the shape of `codes`."""
    error = tf.abs(codes - targets)
    square = tf.minimum(error, delta)
    return 0.5 * square * square + delta * (error - square)
