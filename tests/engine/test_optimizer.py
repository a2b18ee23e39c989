"""The optimizers: one step of each by hand, and what a checkpoint holds of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import VALUE, variable_keys
from odapi_runner.engine.optimizer import build_optimizer
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec.train import Adam, Momentum, Optimizer, RmsProp
from odapi_runner.engine.ssd.network import SsdNetwork
from support.configs import small_spec
from support.ssd_configs import ssd_config


def steps(optimizer: Optimizer, count: int) -> float:
    """Where a weight of 1 comes to by gradients of 2 at a rate of 0.1."""
    spec = dataclasses.replace(small_spec().train, optimizer=optimizer)
    weight = tf.Variable(1.0)
    made = build_optimizer(spec, tf.Variable(0.1))
    for _ in range(count):
        made.apply_gradients([(tf.constant(2.0), weight)])
    return float(weight)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        # 0.2, then 0.9 * 0.2 + 0.2.
        (Momentum(0.9), [0.8, 0.42]),
        # Both moments, corrected for their start, are 2 and 4: a step of 0.1 * 2 / 2 each.
        (Adam(0.0), [0.9, 0.8]),
        # The average of the squares is 0.1 * 4, then 0.9 * 0.4 + 0.4 (rho is 0.9): a step of
        # 0.1 * 2 / sqrt(0.4 + 0.24); then half of it and, at half the rate,
        # 0.05 * 2 / sqrt(0.76 + 0.24).
        (RmsProp(rate_decay=1.0, momentum=0.5, epsilon=0.24), [0.75, 0.525]),
    ],
)
def test_two_steps(optimizer: Optimizer, expected: list[float]) -> None:
    """By hand."""
    assert [steps(optimizer, 1), steps(optimizer, 2)] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [("momentum", Momentum(0.9)), ("adam", Adam(1e-8)), ("rmsprop", RmsProp(0.9, 0.9, 1.0))],
)
def test_a_checkpoint_has_the_keys_of_the_object_detection_api(
    name: str, optimizer: Optimizer, reference: Path, tmp_path: Path
) -> None:
    """Every key, shape and dtype of a training of SSD MobileNet V2 FPNLite of one class."""
    spec = build_spec(ssd_config("ssd_mobilenet_v2_fpnlite", "num_classes=1"))
    network = SsdNetwork(spec.model)
    network.build_variables()
    made = build_optimizer(dataclasses.replace(spec.train, optimizer=optimizer), tf.Variable(0.0))
    pairs = [(tf.zeros_like(variable), variable) for variable in network.trainable_variables]
    made.apply_gradients(pairs)
    step = tf.Variable(0, dtype=tf.int64)
    root = tf.train.Checkpoint(step=step, model=network, optimizer=made)
    reader = tf.train.load_checkpoint(root.save(str(tmp_path / "ckpt")))
    dtypes = reader.get_variable_to_dtype_map()
    found = {
        key: {"shape": shape, "dtype": dtypes[key].name}
        for key, shape in reader.get_variable_to_shape_map().items()
    }

    expected = json.loads((reference / "checkpoint_keys" / f"{name}.json").read_text("utf-8"))
    assert found == expected
    assert {f"{key}{VALUE}" for key in variable_keys(tf.train.Checkpoint(model=network))} < set(
        expected
    )
