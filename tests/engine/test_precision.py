"""Networks whose layers compute in half precision."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.backends.builtin import trainer_environment
from odapi_runner.engine.keras import layers, set_random_seed
from odapi_runner.engine.meta_architectures import build_detector
from odapi_runner.engine.precision import layers_of
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.stored_variables import variable_keys
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.runs.options import RunOptions
from odapi_runner.workspace import Workspace
from support.ssd_configs import ssd_config

HEAD = "_box_predictor/_prediction_heads/class_predictions_with_background"


def efficientdet() -> Any:
    changes = Changes(("image_size=128", "model.ssd.feature_extractor.bifpn.num_iterations=1"))
    return parse_pipeline(render("efficientdet-d0", changes, Workspace(Path("unused"))), "test")


def fpnlite() -> Any:
    changed = "weight_shared_convolutional_box_predictor.use_dropout=true"
    return ssd_config("ssd_mobilenet_v2_fpnlite", f"model.ssd.box_predictor.{changed}")


@pytest.mark.parametrize(
    ("config", "precision"), [(efficientdet, "mixed_bfloat16"), (fpnlite, "mixed_float16")]
)
def test_predictions_are_nearly_those_of_float32(config: Callable[[], Any], precision: str) -> None:
    """Of the same weights, in training; codes and logits come out as float32, and so do gradients.

    BiFPN with stochastic depth, FPN with dropout. bfloat16 rounds to 8 bits, the last layer's bias
    too; a tenth of the spread is what some twenty layers make of it.
    """
    spec = build_spec(config())
    images = tf.random.stateless_uniform([2, 128, 128, 3], [1, 2], -1, 1)
    found = {}
    for wanted in ("float32", precision):
        set_random_seed(1)
        with layers_of(wanted):
            detector = build_detector(spec)
        uniform = tf.fill([2, detector.draws_per_example], 0.6)
        with tf.GradientTape() as tape:
            predictions = detector.predict_batch(images, training=True, uniform=uniform)
            loss = tf.reduce_sum(predictions.logits) + detector.regularization_loss()
        keys = variable_keys(detector)
        last = next(keys[key] for key in keys if key.startswith(HEAD) and key.endswith("bias"))
        arrays = (predictions.codes, predictions.logits, tape.gradient(loss, last))
        found[wanted] = [one.numpy() for one in arrays]

        assert {one.dtype for one in found[wanted]} == {np.dtype("float32")}
        assert {one.dtype for one in detector.trainable_variables} == {tf.float32}
        assert predictions.feature_maps[0].dtype == wanted.removeprefix("mixed_")

    for one, other in zip(found["float32"][:2], found[precision][:2], strict=True):
        rounding = 2**-8 * np.abs(one).mean()
        assert np.abs(one - other).mean() <= 0.1 * one.std() + rounding


def test_the_policy_does_not_leak() -> None:
    """Not even where building fails."""
    with layers_of("mixed_float16"):
        assert layers.Activation("relu").compute_dtype == "float16"
    with pytest.raises(ValueError, match="mixed"), layers_of("mixed_int8"):
        pass

    assert layers.Activation("relu").compute_dtype == "float32"


def test_the_environment_of_bfloat16_mends_a_gradient() -> None:
    """Of a filter of stride 2 over one pixel, in memory that is not zero: as in float32."""
    program = """
import numpy as np, tensorflow as tf
def gradient(dtype):
    images = tf.cast(tf.random.stateless_normal([4, 1, 1, 16], [1, 2]), dtype)
    upstream = tf.cast(tf.random.stateless_normal([4, 1, 1, 32], [3, 4]), dtype)
    found = tf.raw_ops.Conv2DBackpropFilter(
        input=images, filter_sizes=[3, 3, 16, 32], out_backprop=upstream,
        strides=[1, 2, 2, 1], padding="SAME")
    return tf.cast(found, tf.float32)
print(float(tf.reduce_max(abs(gradient(tf.bfloat16) - gradient(tf.float32)))))
"""
    environment = trainer_environment(RunOptions(precision="mixed_bfloat16"))
    assert environment == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment | {"MALLOC_PERTURB_": "165"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(done.stdout) < 0.1
    assert trainer_environment(RunOptions()) == {}
