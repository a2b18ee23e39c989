"""The optimizer of a config, with a rate that is set before each step.

Source: object_detection/builders/optimizer_builder.py, `build_optimizers_tf_v2`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

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
