"""One step of training, and the state that a checkpoint holds.

Source: object_detection/model_lib_v2.py, `eager_train_step` and `train_loop`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from odapi_runner.engine.checkpoint import Restored, restore_fine_tune, restore_training
from odapi_runner.engine.gradients import batch_gradients
from odapi_runner.engine.input import Batch
from odapi_runner.engine.keras import set_random_seed
from odapi_runner.engine.meta_architectures import build_detector
from odapi_runner.engine.optimizer import apply_gradients, base_optimizer, build_optimizer
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.trained_variables import keras_name, trained_variables
from odapi_runner.schedules import learning_rate


class Trainer:
    """Network, optimizer and step of one training."""

    def __init__(self, spec: Spec, *, seed: int) -> None:
        # Keras draws initial weights from generators of its own, which this seeds as well.
        set_random_seed(seed)
        self._spec = spec
        self.detector = build_detector(spec)
        self._rate = tf.Variable(0.0, trainable=False, name="learning_rate")
        self._optimizer = build_optimizer(spec.train, self._rate, self.detector.trainable_variables)
        self._trained = trained_variables(spec.train, self.detector)
        self._step = tf.Variable(0, trainable=False, dtype=tf.int64, name="global_step")
        self._checkpoint = tf.train.Checkpoint(
            step=self._step, model=self.detector, optimizer=self._optimizer
        )
        self._manager: tf.train.CheckpointManager | None = None
        self._traced: Any = None
        # What the optimizer keeps of variables that the checkpoint it goes on from has none of.
        self.slots_from_zero: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self._step)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the variables that could be trained, and are not."""
        trained = {id(one) for one in self._trained}
        every = self.detector.trainable_variables
        return tuple(keras_name(one) for one in every if id(one) not in trained)

    def rate_at(self, step: int) -> float:
        """The learning rate of the step that follows `step` finished ones."""
        return learning_rate(self._spec.train.schedule, step)

    def fine_tune(self, root: Path) -> Restored | None:
        """Restore what the config's fine-tune checkpoint offers, if it names one."""
        train = self._spec.train
        if not train.fine_tune_checkpoint:
            return None
        path = str(root / train.fine_tune_checkpoint)
        return restore_fine_tune(self.detector, path, train.fine_tune_type)

    def resume(self, path: str) -> Restored:
        """Go on from a checkpoint of this training, or of the Object Detection API's."""
        return restore_training(self._checkpoint, self._optimizer, path)

    def save(self, folder: Path, keep: int) -> int:
        """Save `ckpt-N` and return N; of the older ones the `keep` newest stay, this included."""
        if self._manager is None:
            self._manager = tf.train.CheckpointManager(
                self._checkpoint, str(folder), max_to_keep=keep
            )
        return int(self._manager.save().rsplit("-", 1)[1])

    def compile(self, element_spec: Batch) -> None:
        """Trace the step once, for all batches of these shapes (any number of boxes)."""
        # Nothing in here branches on a tensor in Python, so there is nothing to convert.
        function = tf.function(self._train_step, input_signature=[element_spec], autograph=False)
        kept = len(base_optimizer(self._optimizer).weights)
        self._traced = function.get_concrete_function()
        if kept:
            made = base_optimizer(self._optimizer).weights[kept:]
            self.slots_from_zero = tuple(keras_name(one) for one in made)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Make one step; the losses before it, by tag."""
        self._rate.assign(self.rate_at(self.step))
        return self._traced(*batch)

    def _train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        losses, pairs = batch_gradients(self._spec, self.detector, self._trained, batch)
        apply_gradients(self._spec.train, self._optimizer, pairs)
        self._step.assign_add(1)
        return losses
