"""Which variables train: patterns on two names, and what they may not be."""

from __future__ import annotations

import dataclasses

import pytest
import tensorflow as tf

from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.moving_average import MovingAverages
from odapi_runner.engine.optimizer import apply_gradients
from odapi_runner.engine.trained_variables import is_bias, keras_name, trained_variables
from odapi_runner.errors import ConfigError
from support.configs import small_spec
from support.small_detectors import SmallDetector, small_pairs

EVERY = ["Conv1/kernel", "Conv1/bias", "Conv1_bn/gamma", "Conv1_bn/beta", "top/kernel", "top/bias"]


@pytest.mark.parametrize(
    ("update", "freeze", "trained"),
    [
        ((), (), EVERY),
        ((), ("Conv1",), EVERY[4:]),
        # A regular expression that is searched for: `^` and `/` keep to a name.
        ((), ("^Conv1/",), EVERY[2:]),
        ((), ("gamma|beta",), [*EVERY[:2], *EVERY[4:]]),
        # By the checkpoint's keys, as well.
        ((), ("model/norm/",), [*EVERY[:2], *EVERY[4:]]),
        (("top",), (), EVERY[4:]),
        (("Conv1/", "top"), ("bias",), ["Conv1/kernel", "top/kernel"]),
    ],
)
def test_patterns_choose_variables(
    update: tuple[str, ...], freeze: tuple[str, ...], trained: list[str]
) -> None:
    """Those to update, or all; less those to freeze."""
    spec = dataclasses.replace(small_spec().train, update_variables=update, freeze_variables=freeze)

    assert list(map(keras_name, trained_variables(spec, SmallDetector()))) == trained


def test_a_pattern_that_matches_nothing_is_refused() -> None:
    """With names as they are here: those of TF1's configs are others."""
    spec = dataclasses.replace(
        small_spec().train, freeze_variables=("Conv1", "FeatureExtractor/MobilenetV2")
    )

    with pytest.raises(ConfigError) as error:
        trained_variables(spec, SmallDetector())

    assert error.value.what == (
        "train_config.freeze_variables[1]: no variable is called like "
        '"FeatureExtractor/MobilenetV2"'
    )
    assert error.value.fix == (
        "It is searched for in names such as model/first/kernel or Conv1/kernel, "
        "model/norm/gamma or Conv1_bn/gamma, model/top/kernel or top/kernel."
    )


def test_something_is_left_to_train() -> None:
    """Freezing everything is no training."""
    spec = dataclasses.replace(small_spec().train, freeze_variables=(".",))

    with pytest.raises(ConfigError, match="of 6 variables none is left to train"):
        trained_variables(spec, SmallDetector())


def test_gradients_of_biases_are_multiplied_before_all_are_clipped() -> None:
    """Of 3, 4 and 12 by the bias's 3: the norm of all is 13, and clipped to 1.3 a tenth remains."""
    detector = SmallDetector(units=1)
    kernel, bias = detector.top.kernel, detector.top.bias
    for one in (kernel, bias):
        one.assign(tf.zeros_like(one))
    assert (is_bias(kernel), is_bias(bias), is_bias(detector.norm.beta)) == (False, True, False)
    spec = dataclasses.replace(small_spec().train, bias_multiplier=3.0, clip_norm=1.3)

    gradients = [tf.constant([[3.0], [4.0], [0.0]]), tf.constant([4.0])]
    apply_gradients(spec, optimizers.SGD(1.0), list(zip(gradients, (kernel, bias), strict=True)))

    assert kernel.numpy()[:, 0] == pytest.approx([-0.3, -0.4, 0])
    assert bias.numpy() == pytest.approx([-1.2])


def test_what_is_frozen_has_no_slot_but_an_average() -> None:
    """So the averages are those that the Object Detection API has, and follow it at rest."""
    detector = SmallDetector()
    spec = dataclasses.replace(small_spec().train, freeze_variables=("Conv1",), clip_norm=0.0)
    base = optimizers.SGD(0.1, momentum=0.9)
    optimizer = MovingAverages(base, 0.9999, detector.trainable_variables)
    trained = trained_variables(spec, detector)
    before = detector.first.kernel.numpy()
    apply_gradients(
        spec,
        optimizer,
        [pair for pair in small_pairs(detector) if any(pair[1] is one for one in trained)],
    )

    assert (detector.first.kernel.numpy() == before).all()
    assert len(base.weights) == 1 + 2  # how many steps, and two slots
    assert optimizer.get_slot(detector.first.kernel, "average").numpy() == pytest.approx(
        before * 9 / 11
    )
