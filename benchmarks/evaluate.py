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
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.proto.text import read_pipeline
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.workspace import Workspace

HERE = Path(__file__).parent
BATCH = 8


def prepare(root: Path, images: int, size_hw: tuple[int, int], classes: int) -> Path:
    """A workspace with a dataset of which all images are evaluated; the config's path."""
    draw_streets(root / "KITTI", images=images, seed=0, size_hw=size_hw)
    convert_kitti(root / "KITTI", root / "data" / "kitti")
    unset = (f"train_config.fine_tune_checkpoint{end}" for end in ("", "_type", "_version"))
    wanted = (
        "image_size=320",
        f"model.ssd.num_classes={classes}",
        f"eval_config.batch_size={BATCH}",
        "eval_input_reader[0].tf_record_input_reader.input_path=[data/kitti/*.record]",
    )
    text = render("kitti-ssd-mobilenet-v2-fpnlite", Changes(wanted, tuple(unset)), Workspace(root))
    config = root / "pipeline.config"
    config.write_text(text, encoding="utf-8")
    return config


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
    network.build_variables()
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
        show("ratio", [other / one for one, other in zip(of_bare, of_whole, strict=True)])


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a job on the clock, and of all processors."""
    clock, processors = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - clock, time.process_time() - processors


def say_nothing(*_: object) -> None:
    """Stand where the progress would be written and lines would be logged."""


def show(title: str, values: Sequence[float]) -> None:
    """One line: median, and the spread."""
    spread = f"{min(values):8.3f} … {max(values):.3f}"
    print(f"{title:<50} {statistics.median(values):8.3f} {spread}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--size", default="375x500", help="height x width of the images")
    parser.add_argument("--classes", type=int, default=3)
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    revision = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(revision, capture_output=True, text=True, check=True).stdout.strip()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, commit {commit}")
    height, width = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = prepare(root, arguments.images, (height, width), arguments.classes)
        measure(root, config, arguments.rounds)


if __name__ == "__main__":
    main()
