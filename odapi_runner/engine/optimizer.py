"""The optimizer of a config, and what it does with the gradients of a batch.

Source: object_detection/builders/optimizer_builder.py, `build_optimizers_tf_v2`;
model_lib_v2.py, `eager_train_step`; legacy/trainer.py (TF1) on biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from odapi_runner.engine.gradients import Pair
from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.moving_average import MovingAverages
from odapi_runner.engine.spec.train import Adam, Optimizer, RmsProp, Train
from odapi_runner.engine.trained_variables import is_bias


def build_optimizer(spec: Train, rate: tf.Variable, variables: Sequence[tf.Variable]) -> Any:
    """The optimizer of a config, with moving averages where it keeps them.

    Args:
        spec: which one.
        rate: float32 [], read at each step. Handed over as a callable it is no part of the
            checkpoint, which holds no rate in the Object Detection API either.
        variables: all that can be trained, frozen or not: those that are averaged.
    """
    made = _build(spec.optimizer, lambda: rate)
    if spec.average_decay is None:
        return made
    return MovingAverages(made, spec.average_decay, variables)


def _build(optimizer: Optimizer, rate: Callable[[], tf.Variable]) -> Any:
    if isinstance(optimizer, Adam):
        return optimizers.Adam(rate, epsilon=optimizer.epsilon)
    if isinstance(optimizer, RmsProp):
        # The config's decay is meant for the squares' average (Keras' rho, which stays 0.9), but
        # the Object Detection API hands it over as the decay of the rate.
        return optimizers.RMSprop(
            rate,
            decay=optimizer.rate_decay,
            momentum=optimizer.momentum,
            epsilon=optimizer.epsilon,
        )
    return optimizers.SGD(rate, momentum=optimizer.momentum)


def base_optimizer(optimizer: Any) -> Any:
    """The optimizer that makes the steps, which may be inside another."""
    return optimizer.base if isinstance(optimizer, MovingAverages) else optimizer


def apply_gradients(spec: Train, optimizer: Any, pairs: Sequence[Pair]) -> None:
    """Change the variables by their gradients: biases' multiplied, then all clipped together."""
    variables = [variable for _, variable in pairs]
    gradients = [gradient for gradient, _ in pairs]
    if spec.bias_multiplier != 1:
        gradients = [
            spec.bias_multiplier * gradient if is_bias(variable) else gradient
            for gradient, variable in pairs
        ]
    if spec.clip_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, spec.clip_norm)
    optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))
