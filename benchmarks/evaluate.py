"""The evaluation of a checkpoint, against the bare forward pass of the same network, in one run.

    python benchmarks/evaluate.py --rounds 5
    python benchmarks/evaluate.py --rounds 5 --classes 90

draws images, converts them, renders the config of SSD MobileNet V2 FPNLite 320 with a batch of 8,
and in one process runs the network over a batch of noise and the engine's evaluation of all images
(decoding, losses, detections, COCO's matching, its files aside) in turn. Weights are drawn so that
scores differ as a trained network's do. Prints the machine, the commit, and median, minimum and
maximum of every figure; ratios are of one round. The time of the processors says what the engine
adds also where other processes take them away.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import (
    add_image_options,
    draw_records,
    print_heading,
    show,
    show_ratios,
    write_config,
)

from odapi_runner.proto.text import read_pipeline

BATCH = 8


def prepare(root: Path, images: int, size: str, classes: int, *, png: bool) -> Path:
    """A workspace with a dataset of which all images are evaluated; the config's path."""
    draw_records(root, images, size, png=png)
    wanted = (
        "image_size=320",
        f"model.ssd.num_classes={classes}",
        f"eval_config.batch_size={BATCH}",
        "eval_input_reader[0].tf_record_input_reader.input_path=[data/kitti/*.record]",
    )
    return write_config(root, "kitti-ssd-mobilenet-v2-fpnlite", wanted)


def draw_weights(network: Any) -> None:
    """Kernels of the usual size, so that no layer falls silent; the rest stays as it is."""
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        shape = variable.shape.as_list()
        if len(shape) == 4:
            fan = np.prod(shape[:2] if "depthwise" in variable.name else shape[:3])
            variable.assign(generator.standard_normal(shape) / np.sqrt(fan))


def measure(root: Path, config: Path, rounds: int) -> None:
    """Bare forward pass and evaluation in turn."""
    import tensorflow as tf

    from odapi_runner.engine.evaluator import Evaluator
    from odapi_runner.engine.read_config import build_spec
    from odapi_runner.engine.trainer import Trainer

    spec = build_spec(read_pipeline(config))
    trainer = Trainer(spec)
    network = trainer.detector
    draw_weights(network)
    checkpoint = root / "train" / f"ckpt-{trainer.save(root / 'train', keep=1)}"
    images = tf.random.normal([BATCH, 320, 320, 3])

    @tf.function
    def forward() -> list[tf.Tensor]:
        predictions = network.predict_batch(images, training=False)
        return [predictions.codes, predictions.logits]

    forward()
    begun = time.perf_counter()
    evaluator = Evaluator(spec, root)
    print(f"made ready once, s: {time.perf_counter() - begun:.2f}")
    count = len(evaluator.record_numbers)
    batches = -(-count // BATCH)
    bare, whole = [], []
    for _ in range(rounds):
        bare.append(timed(lambda: [forward() for _ in range(batches)]))
        whole.append(timed(lambda: evaluator.evaluate(str(checkpoint), say_nothing, say_nothing)))
    for place, name in enumerate(("images/s", "images/s of processor time")):
        of_bare, of_whole = ([count / one[place] for one in each] for each in (bare, whole))
        show(f"bare forward pass: {name}", of_bare)
        show(f"evaluation: {name}", of_whole)
        show_ratios(of_whole, of_bare)


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a job on the clock, and of all processors."""
    clock, processors = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - clock, time.process_time() - processors


def say_nothing(*_: object) -> None:
    """Stand where the progress would be written and lines would be logged."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    add_image_options(parser, images=160)
    parser.add_argument("--classes", type=int, default=3)
    asked = parser.parse_args()

    print_heading(f"{asked.images} images of {asked.size}, {asked.classes} classes")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = prepare(root, asked.images, asked.size, asked.classes, png=asked.png)
        measure(root, config, asked.rounds)


if __name__ == "__main__":
    main()
