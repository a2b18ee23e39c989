"""Two replicas on two CPU devices: `python -m support.two_replicas CONFIG FOLDER`.

A process of its own, since devices are made before TensorFlow does anything. In the folder it
leaves `ckpt-1` (step 0), `ckpt-2` (step 1) and `found.json`:

    losses    of step 1 and 2, and of step 2 again after resuming at step 1, by tag
    halves    the losses of each half of the first batch, of one replica
    off       of the variables after step 1: the distance to what the halves say, over the way
    resumed   what one replica finds of `ckpt-2`: the step, and how many variables are left
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from odapi_runner.engine.distribution import Replicas
from odapi_runner.engine.gradients import batch_gradients
from odapi_runner.engine.input import Batch, Share, training_batches
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.proto.text import read_pipeline
from odapi_runner.training import TrainerOptions

Arrays = list[np.ndarray]

SEED = 3
DEVICES = ("CPU:0", "CPU:1")


def read_batches(spec: Spec, trainer: Trainer, share: Share, steps: int) -> tf.data.Dataset:
    source = Source(Records(spec.train_input, Path.cwd(), seed=SEED))
    draws = trainer.detector.draws_per_example
    return training_batches(
        spec, source, seed=SEED, draws=draws, first_step=0, last_step=steps, share=share
    )


def floats(losses: dict[str, tf.Tensor]) -> dict[str, float]:
    return {tag: float(loss) for tag, loss in losses.items()}


def train_two(spec: Spec, folder: Path) -> tuple[list[dict[str, float]], Arrays]:
    """The losses, and the variables after the first step."""
    replicas = Replicas(tf.distribute.MirroredStrategy(DEVICES))
    trainer = Trainer(spec, options=TrainerOptions(seed=SEED), replicas=replicas)
    batches = read_batches(spec, trainer, replicas.share(spec.train.batch_size), 2)
    trainer.compile(batches.element_spec)
    trainer.save(folder, 9)
    first, second = batches
    losses = [floats(trainer.train_step(first))]
    trainer.save(folder, 9)
    values = [one.numpy() for one in trainer.detector.variables]
    losses.append(floats(trainer.train_step(second)))
    trainer.resume(str(folder / "ckpt-2"))
    losses.append(floats(trainer.train_step(second)))
    return losses, values


def expect(spec: Spec, one: Trainer) -> tuple[list[dict[str, float]], Arrays, Arrays]:
    """The losses of each half, the variables before, and what they should be after a step.

    As model_lib_v2.py, `eager_train_step`, has it: each replica clips the gradients of half of its
    loss, and the sum of both counts. Averages of batch norm are means over the replicas.
    """
    variables = one.detector.variables
    weights = one.detector.trainable_variables
    places = {id(variable): place for place, variable in enumerate(variables)}
    before = [variable.numpy() for variable in variables]
    after = [np.zeros_like(value) for value in before]
    rate = one.rate_at(0)

    @tf.function(autograph=False)
    def gradients(batch: Batch) -> Any:
        losses, pairs = batch_gradients(spec, one.detector, weights, batch)
        moved[:] = [places[id(variable)] for _, variable in pairs]
        return losses, [gradient for gradient, _ in pairs]

    halves, moved = [], list[int]()
    for number in range(2):
        (batch,) = read_batches(spec, one, Share(number, 1), 1)
        losses, parts = gradients(batch)
        halves.append(floats(losses))
        clipped, _ = tf.clip_by_global_norm([part / 2 for part in parts], spec.train.clip_norm)
        after = [
            value + variable.numpy() / 2 for value, variable in zip(after, variables, strict=True)
        ]
        for place, part in zip(moved, clipped, strict=True):
            after[place] -= rate * part.numpy()
        for value, variable in zip(before, variables, strict=True):
            variable.assign(value)
    return halves, before, after


def distance(some: Arrays, others: Arrays) -> float:
    """Of two sets of variables, the root of the sum of squares."""
    pairs = zip(some, others, strict=True)
    return float(np.sqrt(sum(np.sum((one - other) ** 2) for one, other in pairs)))


def main(config: Path, folder: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in DEVICES]
    tf.config.set_logical_device_configuration(cpu, two)
    spec = build_spec(read_pipeline(config))
    losses, found = train_two(spec, folder)
    one = Trainer(spec, options=TrainerOptions(seed=SEED))
    halves, before, after = expect(spec, one)
    restored = one.resume(str(folder / "ckpt-2"))
    left = len(restored.left_in_file) + len(restored.left_in_model)
    result = {
        "losses": losses,
        "halves": halves,
        "off": distance(after, found) / distance(after, before),
        "resumed": [one.step, left],
    }
    (folder / "found.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
