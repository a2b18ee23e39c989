"""Moving averages of the weights, kept beside them and evaluated in their place.

They lie in the slots `average` of an optimizer around the one that trains, begin as zeros (before
a fine-tune checkpoint is read, which so changes nothing about them) and follow the weights after
each step: average += (1 - d) * (weight - average) with d = min(decay, (1 + n) / (10 + n)) after n
steps. The first step takes 9/11 of the weight; what is left of the zeros is soon below rounding.

Source: official/modeling/optimization/ema_optimizer.py; object_detection/model_lib_v2.py,
`train_loop` and `eval_continuously`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from odapi_runner.engine.detector import Detector
from odapi_runner.engine.gradients import Pair
from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.stored_variables import match_variables, read_stored
from odapi_runner.errors import CheckpointError
from odapi_runner.formats.checkpoint_index import read_tensor

AVERAGE = "average"
BASE = "ema_base_optimizer"


class MovingAverages(optimizers.Optimizer):
    """An optimizer that averages the weights after each step of another."""

    def __init__(self, base: Any, decay: float, variables: Sequence[tf.Variable]) -> None:
        """Make the averages at once, so that a checkpoint of step 0 has them too.

        Args:
            base: the optimizer that trains.
            decay: the largest part of an average that a step keeps.
            variables: what to average: all that can be trained, frozen or not.
        """
        super().__init__(name="ExponentialMovingAverage")
        self.base = base
        self._decay = decay
        self._track_trackable(base, BASE)
        self._pairs = [(self.add_slot(one, AVERAGE, "zeros"), one) for one in variables]

    @property
    def iterations(self) -> tf.Variable:
        """How many steps the other optimizer has made."""
        return self.base.iterations

    def apply_gradients(self, grads_and_vars: Sequence[Pair], **options: Any) -> Any:
        """Let the other optimizer make its step, then move the averages."""
        made = self.base.apply_gradients(grads_and_vars, **options)
        # Replicas meet here, as in the optimizers themselves: averages are the same on each.
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._follow, tf.distribute.get_strategy()
        )
        return made

    def _follow(self, strategy: tf.distribute.Strategy) -> None:
        steps = tf.cast(self.iterations, tf.float32)
        part = 1.0 - tf.minimum(self._decay, (1.0 + steps) / (10.0 + steps))

        def move(average: tf.Variable, variable: tf.Tensor) -> None:
            average.assign_sub(part * (average - variable))

        for average, variable in self._pairs:
            strategy.extended.update(average, move, args=(variable,), group=False)


def restore_averages(detector: Detector, path: str) -> int:
    """Put the averages of a training's checkpoint in the place of the weights.

    Statistics of batch norm have no averages: they stay as restored before.

    Args:
        detector: restored from the same checkpoint.
        path: its prefix.

    Returns:
        How many variables took their averages.

    Raises:
        CheckpointError: it holds none, or not all; or it cannot be read.
    """
    stored = read_stored(path)
    averages = stored.graph.slots_of(stored.graph.find("optimizer"))
    nodes = match_variables(tf.train.Checkpoint(model=detector), stored.graph)
    for variable in detector.trainable_variables:
        slot = averages.get(nodes[id(variable)], {}).get(AVERAGE)
        key = None if slot is None else stored.graph.key(slot)
        if key is None:
            raise CheckpointError(
                f"{path}: holds no averages of the weights, and eval_config.use_moving_averages "
                "asks for them",
                fix="Set it to false, or train with optimizer.use_moving_average.",
            )
        variable.assign(read_tensor(stored.index, key))
    return len(detector.trainable_variables)
