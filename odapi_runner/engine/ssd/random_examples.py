"""Which anchors count: all with an object, and as many others, at random, as are wanted.

Source: object_detection/core/balanced_positive_negative_sampler.py, and ssd_meta_arch.py,
`_minibatch_subsample_fn`.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from odapi_runner.engine.ssd.targets import Targets

SALT = 0x5A3  # another draw of an example's number than dropout's


def draw_examples(targets: Targets, positive_share: float, uniform: tf.Tensor) -> Targets:
    """The targets with the weights of all anchors set to 0 that are not drawn.

    Args:
        targets: of a batch.
        positive_share: of the anchors drawn, above 0 and at most 1; where an image has too few
            others, all of these are drawn.
        uniform: float32 [batch, draws], whose last column is an example's own number; without a
            column, in evaluation, every image has the same one.
    """
    weights = targets.class_weights
    one_each = len(weights.shape) == 2
    counting = weights != 0 if one_each else tf.reduce_any(weights != 0, axis=-1)
    positive = targets.match >= 0
    ratio = (1 - positive_share) / positive_share
    count = tf.reduce_sum(tf.cast(positive & counting, tf.float32), axis=1, keepdims=True)
    rank = _rank(counting & ~positive, uniform)
    drawn = tf.cast(counting & (positive | (rank < tf.cast(ratio * count, tf.int32))), tf.float32)
    return dataclasses.replace(
        targets,
        class_weights=weights * (drawn if one_each else drawn[..., None]),
        code_weights=targets.code_weights * tf.gather_nd(drawn, targets.places),
    )


def _rank(among: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """A random order of the anchors `among` bool [batch, A], those before all others: int32."""
    numbers = uniform[:, -1] if uniform.shape[1] else tf.zeros(tf.shape(among)[:1])
    keys = tf.map_fn(
        lambda bits: tf.random.stateless_uniform(tf.shape(among)[1:], tf.stack([bits, SALT])),
        tf.bitcast(numbers, tf.int32),
        fn_output_signature=tf.TensorSpec([None], tf.float32),
    )
    order = tf.argsort(tf.where(among, keys, 1.0), axis=1, stable=True)
    return tf.argsort(order, axis=1)
