"""Going on from a checkpoint: what the optimizer had comes back, and what does not fit is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import Restored, restore_fine_tune, restore_training
from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.moving_average import MovingAverages
from odapi_runner.engine.stored_variables import compare_values, read_stored
from odapi_runner.errors import CheckpointError
from support.small_detectors import SmallDetector, small_pairs

MAKERS = {
    "momentum": lambda _: optimizers.SGD(lambda: 0.1, momentum=0.9),
    "adam": lambda _: optimizers.Adam(lambda: 0.1),
    "rmsprop": lambda _: optimizers.RMSprop(lambda: 0.1, decay=0.9, momentum=0.9),
    "averaged": lambda detector: MovingAverages(
        optimizers.SGD(lambda: 0.1, momentum=0.9), 0.9999, detector.trainable_variables
    ),
}


class Training:
    """A small detector, its optimizer, and what is saved of both."""

    def __init__(self, kind: str, optimizer: Any = None) -> None:
        self.detector = SmallDetector()
        self.optimizer = optimizer or MAKERS[kind](self.detector)
        self.step = tf.Variable(0, dtype=tf.int64)
        self.root = tf.train.Checkpoint(
            step=self.step, model=self.detector, optimizer=self.optimizer
        )

    def make_steps(self, count: int, trained: slice = slice(None)) -> None:
        for _ in range(count):
            number = float(self.step.numpy())
            pairs = small_pairs(self.detector)[trained]
            self.optimizer.apply_gradients(
                [(tf.sin(number + one) * gradient, one) for gradient, one in pairs]
            )
            self.step.assign_add(1)

    def values(self) -> list[np.ndarray]:
        return [one.numpy() for one in self.detector.variables]

    def save(self, folder: Path) -> str:
        return str(self.root.save(str(folder / "ckpt")))

    def resume(self, path: str) -> Restored:
        return restore_training(self.root, self.optimizer, path)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_resumed_optimizer_goes_on_as_if_it_had_not_stopped(kind: str, tmp_path: Path) -> None:
    """Three steps, and three more after a restart: bit by bit six in one go."""
    whole, first, second = Training(kind), Training(kind), Training(kind)
    for one, other in zip(first.detector.variables, whole.detector.variables, strict=True):
        one.assign(other)
    whole.make_steps(6)
    first.make_steps(3)

    restored = second.resume(first.save(tmp_path))
    second.make_steps(3)

    slots = {"momentum": 1, "adam": 2, "rmsprop": 2, "averaged": 2}[kind]
    numbers = [key for key in restored.of_optimizer if key.startswith("optimizer/")]
    assert len(restored.restored) == 8
    assert len(restored.of_optimizer) == 6 * slots + len(numbers)
    assert len(numbers) == {"momentum": 3, "adam": 4, "rmsprop": 4, "averaged": 3}[kind]
    assert restored.left_in_model == restored.left_in_file == restored.overruled == ()
    for one, other in zip(second.values(), whole.values(), strict=True):
        assert np.array_equal(one, other)


def test_one_variable_of_each_layer_is_compared(tmp_path: Path) -> None:
    """The largest, of batch norm the variance; so are the slots. A wrong value is an error."""
    first, second = Training("momentum"), Training("momentum")
    first.make_steps(1)
    path = first.save(tmp_path)

    restored = second.resume(path)

    slot = "/.OPTIMIZER_SLOT/optimizer/momentum"
    assert restored.compared == (
        "model/first/kernel",
        f"model/first/kernel{slot}",
        "model/norm/gamma" + slot,
        "model/norm/moving_variance",
        "model/top/kernel",
        f"model/top/kernel{slot}",
        "optimizer/momentum",
        "step",
    )
    second.detector.top.kernel.assign_add(tf.fill([3, 2], 1e-6))
    with pytest.raises(CheckpointError, match="model/top/kernel has not the value of the file"):
        compare_values(
            read_stored(path),
            {"model/top/kernel": second.detector.top.kernel},
            {"model/top/kernel": "model/top/kernel/.ATTRIBUTES/VARIABLE_VALUE"},
        )


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ("adam", "momentum", "optimizer has m and v of each variable there, momentum here"),
        ("momentum", "rmsprop", "optimizer has momentum of each variable there, momentum and rms"),
        ("averaged", "momentum", "optimizer has average of each variable there, nothing here"),
        ("momentum", "averaged", "optimizer has momentum of each variable there, average here"),
    ],
)
def test_another_optimizer_is_refused(before: str, now: str, what: str, tmp_path: Path) -> None:
    """What it kept is not lost in silence; a new run can begin with the weights."""
    first = Training(before)
    first.make_steps(1)

    with pytest.raises(CheckpointError) as error:
        Training(now).resume(first.save(tmp_path))

    assert f"was saved with another optimizer: {what}" in error.value.what
    assert "fine_tune_checkpoint" in error.value.fix


def test_the_numbers_of_the_config_count(tmp_path: Path) -> None:
    """A momentum that was changed for the rest of a training has an effect, and is said."""
    first = Training("momentum")
    first.make_steps(1)
    changed = Training("momentum", optimizers.SGD(lambda: 0.1, momentum=0.5))

    restored = changed.resume(first.save(tmp_path))

    assert restored.overruled == ("optimizer/momentum is 0.9 there, 0.5 here",)
    assert float(changed.optimizer._get_hyper("momentum")) == 0.5


def test_slots_of_what_was_frozen_begin_anew(tmp_path: Path) -> None:
    """The file has those of two variables; the others are made with the first step."""
    first, second = Training("momentum"), Training("momentum")
    first.make_steps(1, slice(4, None))

    restored = second.resume(first.save(tmp_path))
    made = len(second.optimizer.weights)
    second.make_steps(1)

    assert sum("OPTIMIZER_SLOT" in key for key in restored.of_optimizer) == 2
    assert len(second.optimizer.weights) - made == 4


def test_before_the_first_step_an_optimizer_has_nothing(tmp_path: Path) -> None:
    """Step 0 is resumed with nothing but the weights, and the averages that are zeros."""
    for kind, slots in (("momentum", 0), ("averaged", 6)):
        first, second = Training(kind), Training(kind)
        restored = second.resume(first.save(tmp_path / kind))
        assert len(restored.of_optimizer) == slots
        assert np.array_equal(first.detector.top.kernel, second.detector.top.kernel)


def test_another_precision_is_refused(tmp_path: Path) -> None:
    """Both types are named; TensorFlow's own sentence has neither."""
    detector = SmallDetector()
    values = {one: tf.Variable(tf.cast(value, tf.float16)) for one, value in (
        ("kernel", detector.top.kernel), ("bias", detector.top.bias)
    )}  # fmt: skip
    top = tf.train.Checkpoint(**values)
    path = tf.train.Checkpoint(model=tf.train.Checkpoint(top=top)).write(str(tmp_path / "half"))

    class TopOnly(SmallDetector):
        def restorable(self, _kind: str) -> dict[str, Any]:
            return {"model": tf.train.Checkpoint(top=self.top)}

    with pytest.raises(CheckpointError) as error:
        restore_fine_tune(TopOnly(), path, "full")  # type: ignore[arg-type]

    assert error.value.what == (
        f"{path}: 2 variables have another type: model/top/bias is float16 there, float32 here, "
        "model/top/kernel is float16 there, float32 here"
    )
