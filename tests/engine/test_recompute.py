"""Recomputing blocks for their gradients: the same training in less memory."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.backbones.segments import Segmented
from odapi_runner.engine.meta_architectures import build_detector
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.recompute import is_again, recomputing, run_block
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.workspace import Workspace
from support.ssd_configs import ssd_config

EXTRACTOR = "model.ssd.feature_extractor"
PREDICTOR = "model.ssd.box_predictor"


def efficientdet(name: str = "efficientdet-d0", *changes: str) -> Any:
    """A published EfficientDet, which drops examples in most of its blocks."""
    text = render(name, Changes(("image_size=128", *changes)), Workspace(Path("unused")))
    return parse_pipeline(text, "test")


def small_efficientdet() -> Any:
    """One cell of BiFPN, towers of one layer."""
    shared = f"{PREDICTOR}.weight_shared_convolutional_box_predictor"
    return efficientdet(
        "efficientdet-d0",
        f"{EXTRACTOR}.bifpn.num_iterations=1",
        f"{shared}.num_layers_before_predictor=1",
    )


# Every neck and both predictors, one with dropout; V2's blocks are cut as V1's are.
CONFIGS = {
    "efficientnet-bifpn": small_efficientdet,
    "resnet-fpn": lambda: ssd_config("ssd_resnet50_v1_fpn", f"{EXTRACTOR}.depth_multiplier=0.25"),
    "mobilenet-v1": lambda: ssd_config(
        "ssd_mobilenet_v2",
        f"{EXTRACTOR}.type=ssd_mobilenet_v1_keras",
        f"{PREDICTOR}.convolutional_box_predictor.use_dropout=true",
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        "efficientnet-bifpn",
        "mobilenet-v1",
        pytest.param("resnet-fpn", marks=pytest.mark.long),
    ],
)
def test_gradients_and_averages_are_the_same(name: str) -> None:
    """To 1e-5 of the gradients' length; batch norm's averages move once, to the same place."""
    tf.keras.utils.set_random_seed(1)
    detector = build_detector(build_spec(CONFIGS[name]()))
    images = tf.random.stateless_uniform([2, 128, 128, 3], [1, 2], -1, 1)
    uniform = tf.random.stateless_uniform([2, detector.draws_per_example], [3, 4])
    averages = [one for one in detector.variables if "moving" in one.name]
    begun = [one.numpy() for one in averages]

    def step(*, wanted: bool) -> tuple[np.ndarray, list[np.ndarray]]:
        def gradients() -> list[tf.Tensor]:
            variables = detector.trainable_variables
            with tf.GradientTape() as tape, recomputing(wanted):
                predictions = detector.predict_batch(images, training=True, uniform=uniform)
                loss = tf.reduce_mean(predictions.logits**2) + tf.reduce_mean(predictions.codes**2)
            found = tape.gradient(loss, variables)
            return [tf.reshape(one, [-1]) for one in found if one is not None]

        found = np.concatenate([one.numpy() for one in tf.function(gradients, autograph=False)()])
        moved = [one.numpy() for one in averages]
        for variable, value in zip(averages, begun, strict=True):
            variable.assign(value)
        return found, moved

    plain, plain_averages = step(wanted=False)
    again, again_averages = step(wanted=True)

    assert np.linalg.norm(plain) > 0
    assert np.linalg.norm(again - plain) <= 1e-5 * np.linalg.norm(plain)
    for one, other in zip(plain_averages, again_averages, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)
    moved = [np.any(first != one) for first, one in zip(begun, plain_averages, strict=True)]
    assert sum(moved) > 50


def test_a_block_sees_its_surroundings_again() -> None:
    """What is set around the call is there the second time; a counter can tell the two apart."""
    factor: ContextVar[float] = ContextVar("factor", default=1.0)
    weight = tf.Variable(2.0)
    calls: list[tuple[float, bool]] = []

    def block(given: list[tf.Tensor]) -> list[tf.Tensor]:
        calls.append((factor.get(), is_again()))
        return [given[0] * weight * factor.get(), given[1]]

    def step(one: tf.Tensor, other: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(one)
            token = factor.set(10.0)
            with recomputing(True):
                made = run_block(block, [one, other])
            factor.reset(token)
            loss = made[0] ** 2
        return tape.gradient(loss, [one, weight])

    found = tf.function(step, autograph=False)(tf.constant(3.0), tf.constant(4.0))

    # The loss is (10 x w)^2 = 3600: its slopes are 2 * 60 * 10 w = 2400 and 2 * 60 * 10 x = 3600.
    assert [float(one) for one in found] == [2400.0, 3600.0]
    assert calls == [(10.0, False), (10.0, True)]


def test_blocks_inside_blocks_are_not_recomputed_thrice() -> None:
    """An outer block is recomputed as a whole."""
    calls: list[bool] = []

    def inner(given: list[tf.Tensor]) -> list[tf.Tensor]:
        calls.append(is_again())
        return [given[0] ** 3]

    def step(value: tf.Tensor) -> Any:
        with tf.GradientTape() as tape, recomputing(True):
            tape.watch(value)
            (made,) = run_block(lambda given: run_block(inner, given), [value])
        return tape.gradient(made, value)

    assert float(tf.function(step, autograph=False)(tf.constant(2.0))) == 12.0
    assert calls == [False, True]


# Blocks, stem and top: table 1 of the EfficientNet paper, of MobileNets, of ResNets; table 2 of
# MobileNetV2. EfficientNet's top is no part of the detector.
SEGMENTS = {
    "efficientnet-b0": (efficientdet, 1 + 16),
    "resnet50": (lambda: ssd_config("ssd_resnet50_v1_fpn"), 1 + 16),
    "mobilenet-v1": (lambda: ssd_config("ssd_mobilenet_v1_fpn"), 1 + 13),
    "mobilenet-v2": (lambda: ssd_config("ssd_mobilenet_v2"), 1 + 17 + 1),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_backbone_is_cut_into_its_blocks(name: str) -> None:
    """Together they have all layers that the maps need, and hand on one map each."""
    config, expected = SEGMENTS[name]
    extractor = build_detector(build_spec(config()))._feature_extractor
    cut: Segmented = extractor._backbone
    layers = [node.layer.name for segment in cut.segments for node in segment.nodes]

    assert len(cut.segments) == expected
    assert sorted(layers) == sorted(one.name for one in cut.model.layers[1:])
    assert {len(segment.inputs) for segment in cut.segments} == {1}
