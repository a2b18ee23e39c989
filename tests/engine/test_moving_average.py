"""Moving averages: how they follow the weights, and how they come into their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import restore_run
from odapi_runner.engine.keras import optimizers
from odapi_runner.engine.moving_average import MovingAverages, restore_averages
from odapi_runner.errors import CheckpointError
from support.small_detectors import SmallDetector, small_pairs


def after(steps: int, decay: float) -> tuple[float, float]:
    """A weight that begins with 1 and loses 0.1 a step, and its average."""
    weight = tf.Variable(1.0)
    optimizer = MovingAverages(optimizers.SGD(0.1), decay, [weight])
    for _ in range(steps):
        optimizer.apply_gradients([(tf.constant(1.0), weight)])
    return float(weight), float(optimizer.get_slot(weight, "average"))


@pytest.mark.parametrize(
    ("steps", "decay", "average"),
    [
        (0, 0.9999, 0.0),
        # After one step 2 / 11 of the zero is kept, and 9 / 11 of the weight, 0.9, taken.
        (1, 0.9999, 0.9 * 9 / 11),
        # Then 3 / 12 of that, and 9 / 12 of 0.8.
        (2, 0.9999, 0.9 * 9 / 11 / 4 + 0.8 * 0.75),
        # The config's decay is a limit: 0.1 is kept each time.
        (2, 0.1, 0.9 * 0.9 * 0.1 + 0.8 * 0.9),
    ],
)
def test_an_average_begins_with_zero_and_soon_follows(
    steps: int, decay: float, average: float
) -> None:
    """By hand."""
    assert after(steps, decay) == pytest.approx((1 - 0.1 * steps, average), rel=1e-6)


def test_a_training_of_the_object_detection_api_averages_alike() -> None:
    """Its own optimizer, after a hundred steps of a gradient that changes."""
    theirs = pytest.importorskip("official.modeling.optimization.ema_optimizer")
    averages = []
    for kind in ("theirs", "ours"):
        detector = SmallDetector()
        for number, one in enumerate(detector.trainable_variables):
            one.assign(tf.fill(one.shape, 0.5 + number))
        base = optimizers.SGD(0.01, momentum=0.9)
        if kind == "theirs":
            optimizer = theirs.ExponentialMovingAverage(base, average_decay=0.9999)
            optimizer.shadow_copy(detector)
        else:
            optimizer = MovingAverages(base, 0.9999, detector.trainable_variables)
        for step in range(100):
            pairs = small_pairs(detector)
            optimizer.apply_gradients([(np.cos(step) * gradient, one) for gradient, one in pairs])
        averages.append(
            [optimizer.get_slot(one, "average").numpy() for one in detector.trainable_variables]
        )

    for one, other in zip(*averages, strict=True):
        assert np.array_equal(one, other)


def test_an_evaluation_takes_the_averages_and_no_others(tmp_path: Path) -> None:
    """Weights become their averages; what batch norm has seen stays as it was restored."""
    trained = SmallDetector()
    trained.norm.moving_mean.assign([7.0, 8.0, 9.0])
    optimizer = MovingAverages(optimizers.SGD(0.1), 0.9999, trained.trainable_variables)
    optimizer.apply_gradients(small_pairs(trained))
    step = tf.Variable(1, dtype=tf.int64)
    path = tf.train.Checkpoint(step=step, model=trained, optimizer=optimizer).save(
        str(tmp_path / "ckpt")
    )
    detector = SmallDetector()

    restore_run(tf.train.Checkpoint(step=step, model=detector), path)
    assert np.array_equal(detector.top.kernel, trained.top.kernel)
    assert restore_averages(detector, path) == 6

    assert np.array_equal(detector.norm.moving_mean, [7.0, 8.0, 9.0])
    for ours, one in zip(detector.trainable_variables, trained.trainable_variables, strict=True):
        assert np.array_equal(ours, optimizer.get_slot(one, "average"))
    assert np.allclose(detector.top.kernel, trained.top.kernel * 9 / 11)


def test_a_checkpoint_without_averages_is_refused(tmp_path: Path) -> None:
    """The raw weights are not evaluated in their name."""
    detector = SmallDetector()
    path = tf.train.Checkpoint(model=detector, optimizer=optimizers.SGD(0.1)).save(
        str(tmp_path / "ckpt")
    )

    with pytest.raises(CheckpointError) as error:
        restore_averages(detector, path)

    assert error.value.what == (
        f"{path}: holds no averages of the weights, and eval_config.use_moving_averages asks for "
        "them"
    )
