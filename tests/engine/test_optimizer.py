"""The optimizers: one step of each by hand, and what a checkpoint holds of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from odapi_runner.engine.optimizer import build_optimizer
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec.train import Adam, Momentum, Optimizer, RmsProp
from odapi_runner.engine.ssd.network import SsdNetwork
from odapi_runner.formats.checkpoint_index import SLOT, VALUE
from support.configs import small_spec
from support.ssd_configs import ssd_config


def steps(optimizer: Optimizer, count: int) -> float:
    """Where a weight of 1 comes to by gradients of 2 at a rate of 0.1."""
    spec = dataclasses.replace(small_spec().train, optimizer=optimizer)
    weight = tf.Variable(1.0)
    made = build_optimizer(spec, tf.Variable(0.1), [weight])
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


BASE = "optimizer/ema_base_optimizer"


@dataclasses.dataclass(frozen=True)
class Written:
    """What a checkpoint after one step holds, and where what is known of it comes from."""

    optimizer: Optimizer
    averaged: bool
    count: int  # of keys
    digest: str  # SHA-256 of the sorted lines "key shape dtype"
    slots: set[str]  # behind the key of each of the 232 trainable variables
    numbers: set[str]


# Counts and digests are of reference/checkpoint_keys/*.json, listings of real trainings of SSD
# MobileNet V2 FPNLite with one class by the Object Detection API.
WRITTEN = {
    "momentum": Written(
        Momentum(0.9),
        False,
        622,
        "a959e6e27db1cdb151120c2018938ce7d25bf8048d70d0c4669a84771964bdc4",
        {"optimizer/momentum"},
        {"optimizer/decay", "optimizer/iter", "optimizer/momentum"},
    ),
    "adam": Written(
        Adam(1e-8),
        False,
        855,
        "7c0d8fa4cd6a608b27cdd8a6c841f81dbc79fb5c8046273de9791bcf4ec2b957",
        {"optimizer/m", "optimizer/v"},
        {"optimizer/beta_1", "optimizer/beta_2", "optimizer/decay", "optimizer/iter"},
    ),
    "rmsprop": Written(
        RmsProp(0.9, 0.9, 1.0),
        False,
        855,
        "8524a2086012994c5aeee7e88f524a23355e430081c7f9efe9c3a6111f886ee5",
        {"optimizer/momentum", "optimizer/rms"},
        {"optimizer/decay", "optimizer/iter", "optimizer/momentum", "optimizer/rho"},
    ),
    "momentum_moving_average": Written(
        Momentum(0.9),
        True,
        854,
        "44a19f8902b1f2845ccf31abcf57335d9b23b8207ed2db89576d99a8a42a7a17",
        {"optimizer/average", f"{BASE}/momentum"},
        {f"{BASE}/decay", f"{BASE}/iter", f"{BASE}/momentum"},
    ),
}

_HEADS = "model/_box_predictor/"
_LAYER = "model/_feature_extractor/classification_backbone/layer_with_weights-"
_EXTRACTOR = "model/_feature_extractor/"
# Of the same listings.
SHAPES: dict[str, list[int]] = {
    **{
        f"{_HEADS}{key}": shape
        for key, shape in {
            "_base_tower_layers_for_heads/box_encodings/0/1/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/0/4/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/1/1/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/1/4/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/2/1/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/2/4/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/3/1/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/3/4/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/4/1/moving_variance": [128],
            "_base_tower_layers_for_heads/box_encodings/4/4/moving_variance": [128],
            "_head_scope_conv_layers/PredictionTower/0/depthwise_kernel": [3, 3, 128, 1],
            "_prediction_heads/class_predictions_with_background/_class_predictor_layers/0/bias": [
                12
            ],
        }.items()
    },
    **{
        f"{_LAYER}{key}": shape
        for key, shape in {
            "0/kernel": [3, 3, 3, 32],
            "103/gamma": [1280],
            "101/beta": [320],
            "103/moving_variance": [1280],
            "13/moving_mean": [144],
            "17/beta": [24],
            "19/moving_variance": [144],
            "23/beta": [32],
            "25/moving_variance": [192],
            "29/gamma": [32],
            "31/beta": [192],
            "33/moving_variance": [192],
            "37/gamma": [192],
            "4/kernel": [1, 1, 32, 16],
            "43/gamma": [384],
            "46/kernel": [1, 1, 384, 64],
            "49/moving_mean": [384],
            "51/gamma": [384],
            "54/kernel": [1, 1, 64, 384],
            "57/moving_mean": [384],
            "60/kernel": [1, 1, 64, 384],
            "63/moving_mean": [384],
            "67/beta": [576],
            "69/moving_variance": [576],
            "71/moving_mean": [96],
            "75/beta": [576],
            "77/moving_variance": [96],
            "81/beta": [576],
            "83/moving_variance": [160],
            "87/gamma": [960],
            "9/beta": [96],
            "91/moving_variance": [960],
            "95/gamma": [160],
            "98/depthwise_kernel": [3, 3, 960, 1],
        }.items()
    },
    **{
        f"{_EXTRACTOR}{key}": shape
        for key, shape in {
            "_coarse_feature_layers/0/1/moving_variance": [128],
            "_fpn_features_generator/conv_layers/0/0/pointwise_kernel": [1, 1, 128, 128],
            "_fpn_features_generator/conv_layers/1/1/gamma": [128],
            "_fpn_features_generator/top_layers/0/kernel": [1, 1, 1280, 128],
        }.items()
    },
}


@pytest.fixture(scope="module")
def network() -> SsdNetwork:
    """SSD MobileNet V2 FPNLite of one class."""
    made = SsdNetwork(build_spec(ssd_config("ssd_mobilenet_v2_fpnlite", "num_classes=1")).model)
    made.build_variables()
    return made


@pytest.fixture(scope="module", params=WRITTEN)
def listing(
    request: pytest.FixtureRequest, network: SsdNetwork, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, dict[str, Any]]]:
    """The name of an optimizer, and key, shape and dtype of what is saved after its first step."""
    written = WRITTEN[request.param]
    decay = 0.9999 if written.averaged else None
    spec = dataclasses.replace(small_spec().train, optimizer=written.optimizer, average_decay=decay)
    made = build_optimizer(spec, tf.Variable(0.0), network.trainable_variables)
    made.apply_gradients([(tf.zeros_like(one), one) for one in network.trainable_variables])
    step = tf.Variable(0, dtype=tf.int64)
    root = tf.train.Checkpoint(step=step, model=network, optimizer=made)
    reader = tf.train.load_checkpoint(root.save(str(tmp_path_factory.mktemp("saved") / "ckpt")))
    dtypes = reader.get_variable_to_dtype_map()
    return request.param, {
        key: {"shape": shape, "dtype": dtypes[key].name}
        for key, shape in reader.get_variable_to_shape_map().items()
    }


def test_a_checkpoint_is_that_of_the_object_detection_api(
    listing: tuple[str, dict[str, dict[str, Any]]], reference: Path
) -> None:
    """Every key, shape and dtype."""
    name, found = listing

    assert found == json.loads((reference / "checkpoint_keys" / f"{name}.json").read_text("utf-8"))


def test_a_checkpoint_has_the_known_keys(listing: tuple[str, dict[str, dict[str, Any]]]) -> None:
    """Their number and digest, what stands beside the model, and fifty keys by name."""
    name, found = listing
    written = WRITTEN[name]
    lines = [f"{key} {found[key]['shape']} {found[key]['dtype']}" for key in sorted(found)]
    slots: dict[str, set[str]] = {}
    for key in found:
        if SLOT in key:
            variable, _, slot = key.partition(SLOT)
            slots.setdefault(variable, set()).add(slot.removesuffix(VALUE))
    beside = {key.removesuffix(VALUE) for key in found if not key.startswith("model/")}

    assert len(found) == written.count
    assert beside == {
        "_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter", "step", *written.numbers
    }  # fmt: skip
    assert len(slots) == 232
    assert set(map(frozenset, slots.values())) == {frozenset(written.slots)}
    for key, shape in SHAPES.items():
        assert found[key + VALUE] == {"shape": shape, "dtype": "float32"}
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == written.digest
