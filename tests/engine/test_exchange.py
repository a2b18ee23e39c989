"""A training goes on in either program: the course of the Object Detection API's own optimizers.

The figures are those of SSD MobileNet V2 FPNLite at 128 px on the rebuilt weights and batch of
`support.numerics`, by object_detection's own `loss` and `optimizer_builder.build` on TensorFlow
2.20: five steps each. `test_numerics` holds momentum.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import SLOT, VALUE, read_step
from odapi_runner.engine.input import Batch
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.metrics import LOSS_TAGS
from odapi_runner.proto.text import parse_pipeline
from support.rebuilt import rebuilt_batch, rebuilt_trainer
from support.ssd_configs import ssd_config

CLASSIFICATION, LOCALIZATION = LOSS_TAGS["loss_classification"], LOSS_TAGS["loss_localization"]
BIAS = (
    "model/_box_predictor/_prediction_heads/class_predictions_with_background/"
    "_class_predictor_layers/0/bias"
)
RESIZER = "model.ssd.image_resizer.fixed_shape_resizer"
STOP = 2  # the step of the checkpoint that a second training goes on from


@dataclass(frozen=True)
class Course:
    """Five steps of an optimizer in the Object Detection API."""

    optimizer: str  # of the config; %s is its rate
    rate: float  # of the first step; the next ones are 2, 3 and 4 times as high
    classification: tuple[float, ...]  # the loss before each step
    localization: tuple[float, ...]
    bias: tuple[float, ...]  # the first three values after the last step
    slots: dict[str, tuple[float, ...]]  # and of what the optimizer keeps of them


# fmt: off
COURSES = {
    "adam with moving averages": Course(
        "adam_optimizer { epsilon: 1e-3 %s } use_moving_average: true moving_average_decay: 0.5",
        2.5e-7,
        (30.749746, 30.741055, 30.725965, 30.700514, 30.670248),
        (0.89510852, 0.89483154, 0.89425701, 0.89345020, 0.89234352),
        (0.036897007, 0.020786028, 0.0066735223),
        {
            "average": (0.036823858, 0.020745067, 0.0066607590),
            "ema_base_optimizer/m": (1.0171394, 0.61707819, 0.77934217),
            "ema_base_optimizer/v": (0.030788092, 0.011332130, 0.018074378),
        },
    ),
    "rmsprop": Course(
        "rms_prop_optimizer { momentum_optimizer_value: 0.9 decay: 0.9 epsilon: 1 %s } "
        "use_moving_average: false",
        1e-6,
        (30.749746, 30.730452, 30.703508, 30.667290, 30.627384),
        (0.89510852, 0.89441639, 0.89352572, 0.89227700, 0.89068449),
        (0.036877938, 0.020772653, 0.0066574262),
        {
            "rms": (2.5246410, 0.92892224, 1.4821287),
            "momentum": (6.4092765e-06, 4.9275259e-06, 5.6511626e-06),
        },
    ),
}
# fmt: on


@dataclass(frozen=True)
class Run:
    """Five steps of ours, and the last three of them again from a checkpoint."""

    course: Course
    trainer: Trainer
    batch: Batch
    losses: list[dict[str, float]]
    rates: list[float]
    folder: Path

    def checkpoint(self, number: int) -> str:
        return str(self.folder / f"ckpt-{number}")


@pytest.fixture(scope="module", params=COURSES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A checkpoint is saved at STOP and one at the end."""
    course = COURSES[request.param]
    folder = tmp_path_factory.mktemp("run")
    config = ssd_config("ssd_mobilenet_v2_fpnlite", f"{RESIZER}.height=128", f"{RESIZER}.width=128")
    rate = (
        "learning_rate { cosine_decay_learning_rate { "
        f"learning_rate_base: {4 * course.rate} warmup_learning_rate: {course.rate} "
        "warmup_steps: 3 total_steps: 100 } }"
    )
    optimizer = f"train_config {{ optimizer {{ {course.optimizer % rate} }} }}"
    config.train_config.ClearField("optimizer")
    config.MergeFrom(parse_pipeline(optimizer, "course"))
    spec = build_spec(config)
    trainer, batch = rebuilt_trainer(spec), rebuilt_batch(spec)
    trainer.compile(tf.nest.map_structure(tf.TensorSpec.from_tensor, batch))
    losses, rates = [], []
    for step in range(5):
        if step == STOP:
            trainer.save(folder, keep=7)
        rates.append(trainer.rate_at(step))
        losses.append(as_floats(trainer.train_step(batch)))
    trainer.save(folder, keep=7)
    return Run(course, trainer, batch, losses, rates, folder)


def as_floats(losses: dict[str, tf.Tensor]) -> dict[str, float]:
    return {tag: float(value) for tag, value in losses.items()}


def test_five_steps_are_the_steps_of_the_object_detection_api(run: Run) -> None:
    """Each rate, each loss and each of its decreases; tolerances as in the reference's README."""
    rate = run.course.rate
    assert run.rates == pytest.approx([rate, 2 * rate, 3 * rate, 4 * rate, 3.99895 * rate])
    for tag, course in (
        (CLASSIFICATION, run.course.classification),
        (LOCALIZATION, run.course.localization),
    ):
        ours, theirs = np.array([one[tag] for one in run.losses]), np.array(course)
        assert ours == pytest.approx(theirs, rel=2e-4)
        assert ours[0] - ours[1:] == pytest.approx(theirs[0] - theirs[1:], rel=0.03)


def test_the_checkpoint_after_them_holds_what_the_optimizer_keeps(run: Run) -> None:
    """A variable and its slots have the values that the Object Detection API's have then."""
    reader = tf.train.load_checkpoint(run.checkpoint(2))

    assert read_step(run.checkpoint(2)) == 5
    assert reader.get_tensor(f"{BIAS}{VALUE}")[:3] == pytest.approx(run.course.bias, abs=1e-6)
    for slot, values in run.course.slots.items():
        found = reader.get_tensor(f"{BIAS}{SLOT}optimizer/{slot}{VALUE}")[:3]
        assert found == pytest.approx(values, rel=1e-3), slot


def test_from_a_checkpoint_on_the_same_steps_are_made(run: Run) -> None:
    """Step, rate and what the optimizer keeps are the checkpoint's, whatever was there before."""
    run.trainer.resume(run.checkpoint(1))

    assert run.trainer.step == STOP
    for expected in run.losses[STOP:]:
        assert as_floats(run.trainer.train_step(run.batch)) == pytest.approx(expected, rel=1e-6)
