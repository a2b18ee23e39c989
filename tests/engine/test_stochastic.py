"""Stochastic depth by numbers that come with the examples, and the backbone that has it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.backbones.efficientnet import build_efficientnet
from odapi_runner.engine.spec.layers import Regularizer
from odapi_runner.engine.stochastic import DropExamples, DropFeatures, draws
from support.configs import small_spec

ONES = tf.ones([3, 2, 2, 1])


def test_examples_are_dropped_below_the_rate_and_scaled_up_from_it() -> None:
    """The layer looks at its own place; what is kept is divided by 1 - rate."""
    layer = DropExamples(0.25, place=1)
    with draws(tf.constant([[0.9, 0.1], [0.0, 0.25], [0.0, 0.9]])):
        dropped = layer(ONES, training=True).numpy()

    assert dropped[:, 0, 0, 0] == pytest.approx([0.0, 1 / 0.75, 1 / 0.75])
    assert np.all(dropped == dropped[:, :1, :1, :1])


def test_the_mean_stays_what_it_was() -> None:
    """Over 4000 examples (standard deviation 0.01)."""
    uniform = np.random.default_rng(1).random((4000, 1), np.float32)
    with draws(tf.constant(uniform)):
        dropped = DropExamples(0.3, place=0)(tf.ones([4000, 1, 1, 1]), training=True)

    assert float(tf.reduce_mean(dropped)) == pytest.approx(1.0, abs=0.05)


def test_inference_and_a_call_without_draws_change_nothing() -> None:
    """Whatever the numbers are; and they hold for their block only."""
    layer = DropExamples(0.5, place=0)
    zeros = tf.zeros([3, 1])
    with draws(zeros):
        assert not layer(ONES, training=True).numpy().any()
        assert np.array_equal(layer(ONES, training=False), ONES)
        assert np.array_equal(layer(ONES), ONES)
        with draws(None):
            assert np.array_equal(layer(ONES, training=True), ONES)
        assert not layer(ONES, training=True).numpy().any()

    assert np.array_equal(layer(ONES, training=True), ONES)


def test_dropped_features_are_a_function_of_the_draws() -> None:
    """The same draws drop the same, another draw or layer or height others; the mean stays."""
    given = tf.ones([4, 20, 20, 8])
    uniform = tf.random.stateless_uniform([4, 3], [1, 2])

    def dropped(salt: int, numbers: tf.Tensor, features: tf.Tensor) -> np.ndarray:
        with draws(numbers):
            return DropFeatures(0.25, salt)(features, training=True).numpy()

    first = dropped(0, uniform, given)
    assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}
    assert first.mean() == pytest.approx(1.0, abs=0.02)
    assert np.array_equal(dropped(0, uniform, given), first)
    assert np.array_equal(dropped(0, uniform + tf.constant([[0.1, 0.1, 0.0]]), given), first)
    assert not np.array_equal(dropped(0, uniform * 0.9, given), first)
    assert not np.array_equal(dropped(1, uniform, given), first)
    with draws(uniform):
        assert np.array_equal(DropFeatures(0.25)(given, training=False), given)


@pytest.fixture(scope="module")
def backbone() -> tuple[Any, Any, int]:
    """EfficientNet-b0 from level 3."""
    tf.random.set_seed(1)
    return build_efficientnet(small_spec().model.backbone, range(3, 6), frozen=False)


def test_efficientnet_b0_has_nine_residual_branches(backbone: tuple[Any, Any, int]) -> None:
    """Stages repeat 1, 2, 2, 3, 3, 4, 1 blocks; all but the first of a stage are residual."""
    classifier, _, count = backbone
    layers = [layer for layer in classifier.layers if isinstance(layer, DropExamples)]

    assert count == len(layers) == 9
    assert [layer._place for layer in layers] == list(range(9))
    # Block i of 16 is dropped at 0.2 * i / 16; the first residual one is number 2.
    assert [layer._rate for layer in layers] == pytest.approx(
        [0.2 * block / 16 for block in (2, 4, 6, 7, 9, 10, 12, 13, 14)]
    )


def test_the_levels_of_efficientnet_b0(backbone: tuple[Any, Any, int]) -> None:
    """Strides 8, 16 and 32 of an image of 64 px, with the channels of the published network."""
    _, levels, _ = backbone

    maps = levels(tf.zeros([1, 64, 64, 3]), training=False)

    assert [tuple(one.shape) for one in maps] == [(1, 8, 8, 40), (1, 4, 4, 112), (1, 2, 2, 320)]


def test_draws_decide_what_the_backbone_gives_in_training(backbone: tuple[Any, Any, int]) -> None:
    """The same numbers the same maps, others others; no state of Keras is drawn from."""
    _, levels, count = backbone
    images = tf.random.stateless_normal([2, 64, 64, 3], [1, 2])

    def finest(uniform: tf.Tensor) -> np.ndarray:
        with draws(uniform):
            return levels(images, training=True)[0].numpy()

    kept, dropped = tf.ones([2, count]), tf.zeros([2, count])
    assert np.array_equal(finest(kept), finest(kept))
    assert not np.allclose(finest(kept), finest(dropped))


@pytest.mark.parametrize(
    ("override", "regularizer", "expected"),
    [
        (False, Regularizer("l2", 4e-5), 5e-6),
        (True, Regularizer("l2", 4e-5), 2e-5),
        (True, Regularizer("l1", 4e-5), 4e-5),
        (True, None, 0.01),
    ],
)
def test_the_backbone_keeps_its_weight_decay_unless_overridden(
    override: bool, regularizer: Regularizer | None, expected: float
) -> None:
    """As published; else the config's, halved, since Keras does not halve the square.

    None is Keras' own: the API's D0 of one pass at 256 px has a regularization loss of 224 then.
    """
    spec = small_spec().model.backbone
    hyperparams = dataclasses.replace(spec.hyperparams, regularizer=regularizer)
    spec = dataclasses.replace(spec, override_hyperparams=override, hyperparams=hyperparams)
    classifier, _, _ = build_efficientnet(spec, range(3, 6), frozen=True)
    stem = next(layer for layer in classifier.layers if layer.name == "stem_conv2d")

    assert stem.kernel_regularizer.l2 == pytest.approx(expected)


def test_frozen_batch_norm_keeps_its_averages() -> None:
    """In training too the maps are those of inference, and nothing is updated."""
    _, levels, _ = build_efficientnet(small_spec().model.backbone, range(3, 6), frozen=True)
    images = tf.random.stateless_normal([2, 64, 64, 3], [1, 2])
    before = [variable.numpy() for variable in levels.non_trainable_variables]

    trained, inferred = (levels(images, training=training)[0] for training in (True, False))

    assert np.allclose(trained, inferred, atol=1e-6)
    for old, variable in zip(before, levels.non_trainable_variables, strict=True):
        assert np.array_equal(old, variable)
