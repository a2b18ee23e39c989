"""A step in parts, in other precisions, compiled: what it does to the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.input import Batch
from odapi_runner.engine.keras import mixed_precision
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.stored_variables import variable_keys
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import CheckpointError
from odapi_runner.training import TrainerOptions
from support.ssd_configs import ssd_config

EXTRACTOR = "model.ssd.feature_extractor"
RATE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
# The least at which no convolution of stride 2 has a single pixel: `backends.builtin` says why.
SIDE = 288
# A MobileNet V1 of few channels and its smaller maps: some hundred milliseconds a step.
CONFIG = (
    f"{EXTRACTOR}.type=ssd_mobilenet_v1_keras",
    f"{EXTRACTOR}.depth_multiplier=0.25",
    f"model.ssd.image_resizer.fixed_shape_resizer.height={SIDE}",
    f"model.ssd.image_resizer.fixed_shape_resizer.width={SIDE}",
    "model.ssd.freeze_batchnorm=true",
    f"{RATE}.warmup_learning_rate=0.01",
    f"{RATE}.learning_rate_base=0.02",
)
BOX = (0.2, 0.3, 0.7, 0.8)


def built(**options: Any) -> Trainer:
    """A trainer, always of the same weights."""
    return Trainer(
        build_spec(ssd_config("ssd_mobilenet_v2", *CONFIG)), options=TrainerOptions(**options)
    )


def batch_of(*numbers: int) -> Batch:
    """Noise, an image a number, each with one box at the same place: with as many matches."""
    count = len(numbers)
    images = [
        tf.random.stateless_uniform([SIDE, SIDE, 3], [number, 5], -1, 1) for number in numbers
    ]
    return Batch(
        images=tf.stack(images),
        shapes_hw=tf.fill([count, 2], SIDE),
        boxes=tf.tile(tf.constant([[BOX]]), [count, 1, 1]),
        classes=tf.ones([count, 1], tf.int32),
        weights=tf.ones([count, 1]),
        ignored=tf.zeros([count, 1], tf.bool),
        uniform=tf.zeros([count, 0]),
    )


def element_spec(images: int) -> Batch:
    """As the input pipeline has it: any number of boxes."""
    shapes = ([SIDE, SIDE, 3], [2], [None, 4], [None], [None], [None], [0])
    return Batch(
        *(
            tf.TensorSpec([images, *shape], one.dtype)
            for shape, one in zip(shapes, batch_of(1), strict=True)
        )
    )


def weights(trainer: Trainer) -> np.ndarray:
    trained = trainer.detector.trainable_variables
    return np.concatenate([one.numpy().ravel() for one in trained])


@pytest.fixture(scope="module")
def whole() -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """One step of four images in float32: weights before and after it, and its losses."""
    trainer = built()
    before = weights(trainer)
    trainer.compile(element_spec(4))
    losses = trainer.train_step(batch_of(1, 2, 3, 4))
    return before, weights(trainer), {tag: float(value) for tag, value in losses.items()}


def test_two_batches_of_two_make_the_step_of_one_of_four(whole: Any) -> None:
    """Twice: the sums begin anew. Batch norm is frozen, and both halves have as many matches."""
    before, after, expected = whole
    trainer = built(accumulate=2)
    trainer.compile(element_spec(2))
    losses = trainer.train_step(batch_of(1, 2), [batch_of(3, 4)])

    assert trainer.step == 1
    assert {tag: float(value) for tag, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    moved = after - before
    assert np.linalg.norm(moved) > 0
    error = np.linalg.norm(weights(trainer) - after)
    assert error <= 1e-4 * np.linalg.norm(moved)

    trainer.train_step(batch_of(1, 2), [batch_of(3, 4)])
    # The second step goes at a greater rate and with momentum: it cannot be shorter.
    assert np.linalg.norm(weights(trainer) - after) > np.linalg.norm(moved)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_makes_nearly_the_same_step(whole: Any, precision: str) -> None:
    """Weights, losses and keys are those of float32; other networks compute as ever."""
    before, after, expected = whole
    trainer = built(precision=precision)
    assert trainer.frozen == ()
    trainer.compile(element_spec(4))
    losses = trainer.train_step(batch_of(1, 2, 3, 4))

    assert mixed_precision.global_policy().name == "float32"
    assert {value.dtype for value in losses.values()} == {tf.float32}
    assert {tag: float(value) for tag, value in losses.items()} == pytest.approx(expected, rel=0.05)
    assert weights(trainer).dtype == np.float32
    moved = np.linalg.norm(weights(trainer) - before)
    assert moved == pytest.approx(np.linalg.norm(after - before), rel=0.1)
    assert np.abs(weights(trainer) - after).max() < 0.01
    computing = {
        layer.compute_dtype
        for layer in trainer.detector.submodules
        if hasattr(layer, "compute_dtype")
    }
    assert precision.removeprefix("mixed_") in computing
    plain = built()
    assert variable_keys(trainer.detector).keys() == variable_keys(plain.detector).keys()


def test_gradients_beyond_float16_skip_the_step(tmp_path: Path) -> None:
    """Weights stay, the scale is halved, the step counts; all of it survives the checkpoint."""
    trainer = built(precision="mixed_float16")
    assert trainer.loss_scale is not None
    trainer.loss_scale.restore({"scale": 2.0**60, "finite_steps": 1999})
    before = weights(trainer)
    trainer.compile(element_spec(2))
    trainer.train_step(batch_of(1, 2))

    assert trainer.step == 1
    assert int(trainer.loss_scale.skipped) == 1
    assert trainer.loss_scale.scale == 2.0**59
    assert np.array_equal(weights(trainer), before)

    trainer.loss_scale.restore({"scale": 2.0**10, "finite_steps": 1999})
    trainer.train_step(batch_of(1, 2))
    # The 2000th finite step doubles it.
    assert trainer.loss_scale.state() == {"scale": 2.0**11, "finite_steps": 0}
    assert not np.array_equal(weights(trainer), before)

    for _ in range(3):
        number = trainer.save(tmp_path, keep=2)
    assert number == 3
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [
        "ckpt-2.state.json",
        "ckpt-3.state.json",
    ]
    assert json.loads((tmp_path / "ckpt-3.state.json").read_text("utf-8")) == {
        "format": 1,
        "loss_scale": {"scale": 2.0**11, "finite_steps": 0},
    }
    again = built(precision="mixed_float16")
    again.resume(str(tmp_path / "ckpt-3"))
    assert again.loss_scale is not None
    assert again.loss_scale.state() == {"scale": 2.0**11, "finite_steps": 0}
    (tmp_path / "ckpt-3.state.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"ckpt-3\.state\.json: not the state of a training"):
        again.resume(str(tmp_path / "ckpt-3"))


@pytest.mark.long
def test_a_compiled_step_is_the_same_step(whole: Any) -> None:
    """By XLA, for batches of other numbers of boxes too; with recomputing."""
    _, after, expected = whole
    trainer = built(xla=True, recompute=True)
    trainer.compile(element_spec(4))
    losses = trainer.train_step(batch_of(1, 2, 3, 4))

    assert {tag: float(value) for tag, value in losses.items()} == pytest.approx(expected, rel=1e-4)
    assert np.abs(weights(trainer) - after).max() < 1e-4
