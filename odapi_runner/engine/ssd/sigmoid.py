"""The focal loss, and the plain cross entropy, of sigmoid scores: loss and gradient at once.

Nearly all of the many class scores are to be 0, so all are counted as such in a few passes, and
then the few that are to be 1 are put right. Autodiff of the formula takes four times as long and
keeps ten arrays of the size of the scores.

Source: Lin et al., Focal Loss for Dense Object Detection, equation 5.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from odapi_runner.engine.ssd.loss_spec import FocalSigmoid

Gradient = Callable[[tf.Tensor], tf.Tensor]


def sigmoid_losses(
    logits: tf.Tensor, classes: tf.Tensor, weights: tf.Tensor, spec: FocalSigmoid
) -> tf.Tensor:
    """The sum of the losses of each anchor's scores.

    Args:
        logits: float32 [batch, A, slots].
        classes: int32 [batch, A], which slot is to be 1; -1 is none.
        weights: float32 [batch, A] or [batch, A, slots].
        spec: alpha and gamma.

    Returns:
        float32 [batch, A].
    """
    positive, negative = (1.0, 1.0) if spec.alpha is None else (spec.alpha, 1 - spec.alpha)
    one_each = len(weights.shape) == 2
    places = tf.where(classes >= 0)
    slots = tf.cast(tf.gather_nd(classes, places), tf.int64)
    entries = tf.concat([places, slots[:, None]], axis=1)
    each = tf.gather_nd(weights, places if one_each else entries)

    def summed(logits: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        loss, slope = _wrong(logits, spec.gamma)
        sums = (
            tf.reduce_sum(loss, axis=-1) * weights
            if one_each
            else tf.reduce_sum(loss * weights, axis=-1)
        )
        wanted = tf.gather_nd(logits, entries)
        missed, slope_missed = _wrong(-wanted, spec.gamma)
        more = each * (positive * missed - negative * _wrong(wanted, spec.gamma)[0])

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            scale = (upstream * weights if one_each else upstream)[..., None] * negative
            all_negative = slope * (scale if one_each else scale * weights)
            down = -positive * slope_missed * each * tf.gather_nd(upstream, places)
            return tf.tensor_scatter_nd_update(all_negative, entries, down)

        return tf.tensor_scatter_nd_add(negative * sums, places, more), gradient

    return tf.custom_gradient(summed)(logits)


def _wrong(logits: tf.Tensor, gamma: float) -> tuple[tf.Tensor, tf.Tensor]:
    """What scores cost that are to be 0, p^gamma * -log(1 - p), and the derivative by the logit."""
    entropy, probability = tf.nn.softplus(logits), tf.sigmoid(logits)
    if not gamma:
        return entropy, probability
    factor = _power(probability, gamma)
    loss = factor * entropy
    steep = gamma * loss
    # p^gamma * p + gamma * p^gamma * (1 - p) * entropy
    return loss, probability * (factor - steep) + steep


def _power(base: tf.Tensor, exponent: float) -> tf.Tensor:
    """`tf.pow` costs as much as ten multiplications; the published exponents need one or two."""
    if exponent == 2:
        return tf.square(base)
    if exponent == 1.5:
        return base * tf.sqrt(base)
    return tf.pow(base, exponent)
