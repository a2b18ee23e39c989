"""The losses of a batch, and what they say about the weights.

Source: object_detection/model_lib_v2.py, `eager_train_step`.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from odapi_runner.engine.detector import TOTAL, Detector, total_losses
from odapi_runner.engine.input import Batch
from odapi_runner.engine.precision import LossScale
from odapi_runner.engine.recompute import recomputing
from odapi_runner.engine.spec.pipeline import Spec

# A gradient, and the variable that it is of.
Pair = tuple[tf.Tensor, tf.Variable]


def batch_gradients(
    spec: Spec,
    detector: Detector,
    variables: Sequence[tf.Variable],
    batch: Batch,
    *,
    recompute: bool = False,
    compiled: bool = False,
    scale: LossScale | None = None,
) -> tuple[dict[str, tf.Tensor], list[Pair]]:
    """The losses of a batch by tag, each float32 [], and the gradients of their sum.

    Args:
        spec: of the whole config.
        detector: with its variables built.
        variables: those to find the gradients of; all are reached.
        batch: the images and their groundtruth.
        recompute: compute the blocks of the network again for their gradients.
        compiled: whether XLA compiles this.
        scale: where the network computes in float16.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        with recomputing(recompute, compiled=compiled):
            predictions = detector.predict_batch(batch.images, training=True, uniform=batch.uniform)
        losses = total_losses(spec, detector, predictions, batch)
        total = scale.scaled(losses[TOTAL]) if scale else losses[TOTAL]
    gradients = tape.gradient(total, variables)
    if scale:
        gradients = scale.unscaled(gradients)
    return losses, list(zip(gradients, variables, strict=True))
