"""The optimizer of a config, and what it does with the gradients of a batch.

Source: object_detection/builders/optimizer_builder.py, `build_optimizers_tf_v2`;
model_lib_v2.py, `eager_train_step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from odapi_runner.engine.detector import Detector
from odapi_runner.engine.gradients import Pair
from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.spec.train import Adam, RmsProp, Train


def build_optimizer(spec: Train, rate: tf.Variable) -> Any:
    """The optimizer of a config.

    Args:
        spec: which one.
        rate: float32 [], read at each step. Handed over as a callable it is no part of the
            checkpoint, which holds no rate in the Object Detection API either.
    """

    def current() -> tf.Variable:
        return rate

    optimizer = spec.optimizer
    if isinstance(optimizer, Adam):
        return optimizers.Adam(current, epsilon=optimizer.epsilon)
    if isinstance(optimizer, RmsProp):
        # The config's decay is meant for the squares' average (Keras' rho, which stays 0.9), but
        # the Object Detection API hands it over as the decay of the rate.
        return optimizers.RMSprop(
            current,
            decay=optimizer.rate_decay,
            momentum=optimizer.momentum,
            epsilon=optimizer.epsilon,
        )
    return optimizers.SGD(current, momentum=optimizer.momentum)


def trained_variables(detector: Detector) -> list[tf.Variable]:
    """The variables that training changes: only their gradients are asked for."""
    return detector.trainable_variables


def apply_gradients(spec: Train, optimizer: Any, pairs: Sequence[Pair]) -> None:
    """Change the variables by their gradients, which are clipped together before."""
    gradients, variables = zip(*pairs, strict=True)
    if spec.clip_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, spec.clip_norm)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
