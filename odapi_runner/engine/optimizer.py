"""The optimizer of a config, with a rate that is set before each step.

Source: object_detection/builders/optimizer_builder.py, `build_optimizers_tf_v2`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.spec import Train


def build_optimizer(spec: Train, rate: tf.Variable) -> Any:
    """SGD with momentum.

    Args:
        spec: the momentum.
        rate: float32 [], read at each step. Handed over as a callable it is no part of the
            checkpoint, which holds no rate in the Object Detection API either.
    """
    return optimizers.SGD(learning_rate=lambda: rate, momentum=spec.momentum)
