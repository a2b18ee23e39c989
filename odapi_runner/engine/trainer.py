"""One step of training, and the state that a checkpoint holds.

Source: object_detection/model_lib_v2.py, `eager_train_step` and `train_loop`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from odapi_runner.engine.accumulate import Sums
from odapi_runner.engine.checkpoint import Restored, restore_fine_tune, restore_training
from odapi_runner.engine.distribution import Replicas
from odapi_runner.engine.gradients import Pair, batch_gradients
from odapi_runner.engine.input import Batch
from odapi_runner.engine.keras import set_random_seed
from odapi_runner.engine.meta_architectures import build_detector
from odapi_runner.engine.optimizer import apply_gradients, base_optimizer, build_optimizer
from odapi_runner.engine.precision import FLOAT16, LossScale, layers_of
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.static import fixed_boxes, pad_boxes
from odapi_runner.engine.trained_variables import keras_name, trained_variables
from odapi_runner.errors import ConfigError
from odapi_runner.formats.run_state import drop_orphans, read_state, write_state
from odapi_runner.schedules import learning_rate
from odapi_runner.training import TrainerOptions


class Trainer:
    """Network, optimizer and step of one training.

    Attributes:
        detector: the network.
        replicas: those that train together.
        loss_scale: of float16; None in other precisions.
        rate_factor: by what the schedule's learning rate is multiplied.
        saved_step: the step of the newest checkpoint, saved or resumed from; None before there is.
        slots_from_zero: what the optimizer keeps of variables that the checkpoint it goes on from
            has none of; known once compiled.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        options: TrainerOptions | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        """Build them.

        Args:
            spec: of the whole config.
            options: of the command, the seed of the weights included; all as by default otherwise.
            replicas: that train together; one by default.

        Raises:
            ConfigError: the precision, or XLA, is not for several replicas.
        """
        options = options or TrainerOptions()
        # Keras draws initial weights from generators of its own, which this seeds as well.
        set_random_seed(options.seed)
        self._spec, self._options = spec, options
        self.replicas = replicas or Replicas()
        _refuse_for_several(options, self.replicas)
        with self.replicas.scope():
            with layers_of(options.precision):
                self.detector = build_detector(spec)
            self._rate = tf.Variable(0.0, trainable=False, name="learning_rate")
            self._optimizer = build_optimizer(
                spec.train, self._rate, self.detector.trainable_variables
            )
            self._step = tf.Variable(0, trainable=False, dtype=tf.int64, name="global_step")
            self._trained = trained_variables(spec.train, self.detector)
            self.loss_scale = LossScale() if options.precision == FLOAT16 else None
            self._sums = Sums(self._trained) if options.accumulate > 1 else None
        self._checkpoint = tf.train.Checkpoint(
            step=self._step, model=self.detector, optimizer=self._optimizer
        )
        self._manager: tf.train.CheckpointManager | None = None
        self._traced: Any = None
        self._traced_update: Any = None
        self._element_spec: Batch | None = None
        self.rate_factor = 1.0
        self.saved_step: int | None = None
        self.slots_from_zero: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self._step.numpy())

    @property
    def graphs(self) -> list[Any]:
        """What was traced of a step, in the order of its calls."""
        traced = (self._traced, self._traced_update)
        return [one.graph for one in traced if one is not None]

    @property
    def kept(self) -> dict[str, list[tf.Variable]]:
        """What lies in memory from step to step; all of it once compiled."""
        weights = self.detector.variables
        averaged = self._optimizer is not base_optimizer(self._optimizer)
        return {
            "weights": weights,
            "optimizer": base_optimizer(self._optimizer).variables(),
            "averages": self._optimizer.variables() if averaged else [],
            "sums": self._sums.variables if self._sums else [],
        }

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the variables that could be trained, and are not."""
        trained = {id(one) for one in self._trained}
        every = self.detector.reached_variables(regularized=self._spec.train.regularize)
        return tuple(keras_name(one) for one in every if id(one) not in trained)

    def rate_at(self, step: int) -> float:
        """The learning rate of the step that follows `step` finished ones."""
        return learning_rate(self._spec.train.schedule, step) * self.rate_factor

    def fine_tune(self, root: Path) -> Restored | None:
        """Restore what the config's fine-tune checkpoint offers, if it names one."""
        train = self._spec.train
        if not train.fine_tune_checkpoint:
            return None
        path = str(root / train.fine_tune_checkpoint)
        return restore_fine_tune(self.detector, path, train.fine_tune_type)

    def resume(self, path: str) -> Restored:
        """Go on from a checkpoint of this training, or of the Object Detection API's."""
        state = read_state(Path(path))
        self.rate_factor = state.get("rate_factor", 1.0)
        if self.loss_scale and (scale := state.get("loss_scale")):
            self.loss_scale.restore(scale)
        with self.replicas.scope():
            restored = restore_training(self._checkpoint, self._optimizer, path)
        self.saved_step = self.step
        return restored

    def save(self, folder: Path, keep: int, keep_every_hours: float | None = None) -> int:
        """Save `ckpt-N` and return N.

        Args:
            folder: where to.
            keep: how many of the newest ones stay, this included.
            keep_every_hours: of the others one of every so many hours stays for good.
        """
        if self._manager is None:
            self._manager = tf.train.CheckpointManager(
                self._checkpoint,
                str(folder),
                max_to_keep=keep,
                keep_checkpoint_every_n_hours=keep_every_hours,
            )
        if state := self._state():
            number = int(self._checkpoint.save_counter) + 1
            write_state(folder / f"ckpt-{number}", state)
        saved = Path(self._manager.save())
        drop_orphans(folder)
        self.saved_step = self.step
        return int(saved.name.rsplit("-", 1)[1])

    def _state(self) -> dict[str, Any]:
        """What the Object Detection API's checkpoint has no place for."""
        state: dict[str, Any] = {}
        if self.loss_scale:
            state["loss_scale"] = self.loss_scale.state()
        if self.rate_factor != 1:
            state["rate_factor"] = self.rate_factor
        return state

    def compile(self, element_spec: Batch) -> None:
        """Trace the step once, for all batches of these shapes (any number of boxes)."""
        self._make_slots()
        if self._options.xla:
            self._element_spec = element_spec = fixed_boxes(
                element_spec, self._spec.train_input.max_boxes
            )
        sums = self._sums
        if sums is None:
            self._traced = self._trace(self._train_step, [element_spec])
        else:
            self._traced = self._trace(
                lambda batch, kept: self._add_batch(sums, batch, kept),
                [element_spec, tf.TensorSpec([], tf.float32)],
            )
            self._traced_update = self._trace(lambda: self._update(sums), [])

    def _make_slots(self) -> None:
        """Make what the optimizer keeps: a step that makes variables would be traced twice."""
        optimizer = base_optimizer(self._optimizer)
        kept = len(optimizer.weights)
        with self.replicas.scope():
            optimizer._create_all_weights(self._trained)
        if kept:
            self.slots_from_zero = tuple(keras_name(one) for one in optimizer.weights[kept:])

    def _trace(self, function: Callable[..., Any], signature: list[Any]) -> Any:
        # Nothing in here branches on a tensor in Python, so there is nothing to convert.
        return tf.function(
            function,
            input_signature=signature,
            autograph=False,
            jit_compile=self._options.xla or None,
        ).get_concrete_function()

    def train_step(self, batch: Batch, more: Iterable[Batch] = ()) -> dict[str, tf.Tensor]:
        """Make one step; the losses before it, by tag.

        Args:
            batch: of the shapes that were compiled.
            more: the other batches of a step that accumulates several. Losses and gradients are
                the means over them, batch norm sees each by itself.
        """
        self._rate.assign(self.rate_at(self.step))
        if self._sums is None:
            losses: dict[str, tf.Tensor] = self._traced(*self._fitted(batch))
            return losses
        added = [self._traced(*self._fitted(batch), tf.constant(0.0))]
        added += [self._traced(*self._fitted(one), tf.constant(1.0)) for one in more]
        self._traced_update()
        return {tag: tf.reduce_mean([one[tag] for one in added]) for tag in added[0]}

    def _fitted(self, batch: Batch) -> Batch:
        return pad_boxes(batch, self._element_spec)

    def _train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        losses = self.replicas.run(self._replica_step, batch)
        self._step.assign_add(1)
        return losses

    def _replica_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        losses, pairs = self._gradients(batch)
        self._apply(pairs)
        return losses

    def _gradients(self, batch: Batch) -> tuple[dict[str, tf.Tensor], list[Pair]]:
        losses, pairs = batch_gradients(
            self._spec,
            self.detector,
            self._trained,
            batch,
            recompute=self._options.recompute,
            compiled=self._options.xla,
            scale=self.loss_scale,
        )
        return self.replicas.part_of_mean(losses, pairs)

    def _apply(self, pairs: Sequence[Pair]) -> None:
        # Clips what is of this replica, then sums over all of them.
        def update() -> None:
            apply_gradients(self._spec.train, self._optimizer, pairs)

        if self.loss_scale:
            self.loss_scale.apply([gradient for gradient, _ in pairs], update)
        else:
            update()

    def _add_batch(self, sums: Sums, batch: Batch, kept: tf.Tensor) -> dict[str, tf.Tensor]:
        def add(part: Batch) -> dict[str, tf.Tensor]:
            losses, pairs = self._gradients(part)
            sums.add(pairs, kept)
            return losses

        return self.replicas.run(add, batch)

    def _update(self, sums: Sums) -> None:
        self.replicas.each(lambda: self._apply(sums.means(self._options.accumulate)))
        self._step.assign_add(1)


def _refuse_for_several(options: TrainerOptions, replicas: Replicas) -> None:
    if options.precision == FLOAT16 and replicas.count > 1:
        raise ConfigError(
            "--precision mixed_float16 is for one device: its loss scale is not shared by several",
            fix="Train with --precision mixed_bfloat16, or on one device.",
        )
    if options.xla and replicas.count > 1:
        raise ConfigError(
            "--xla is for one device: a compiled step cannot wait for the others in its middle",
            fix="Leave --xla out, or train on one device.",
        )
