"""A training step and its start-up, against a bare loop of the same network, in one run.

    python benchmarks/train.py --rounds 5
    python benchmarks/train.py --rounds 1 --model mobilenet --batches 2,8,32
    python benchmarks/train.py --rounds 5 --size 375x1242 --png

draws images, converts them, renders the configs of `MODELS`, and runs `bare.py` and
the engine's trainer in turn, each in a fresh process. Prints the machine, the commit, and median,
minimum and maximum of every figure; ratios are of one round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import (
    HERE,
    add_image_options,
    draw_records,
    print_heading,
    show,
    show_ratios,
    train,
    write_config,
)

MODELS = {
    "mobilenet": ("kitti-ssd-mobilenet-v2-fpnlite", ("image_size=320", "batch_size=8")),
    "d0": ("kitti-d0", ("image_size=512", "batch_size=4")),
}
LOG_EVERY = 5  # steps: the engine's step time is the median of their means


def figures(first_step: float, steps: Sequence[float], peak_mib: float) -> dict[str, float]:
    """What is printed of one process."""
    step = statistics.median(steps)
    return {
        "s a step": step,
        "s to the first step, less one": first_step - step,
        "peak MiB": peak_mib,
    }


def run_bare(config: Path, steps: int) -> dict[str, float]:
    """Of what `bare.py` prints."""
    command = [sys.executable, str(HERE / "bare.py"), str(config), "--steps", str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return figures(**json.loads(done.stdout.splitlines()[-1]))


def measure(root: Path, title: str, config: Path, rounds: int, steps: int) -> None:
    """Bare loop and engine in turn, and the ratios of each round."""
    bare, engine, waits = [], [], []
    for number in range(rounds):
        bare.append(run_bare(config, steps))
        name = f"{title}-{number}"
        trained = train(root, config, name, steps=steps, log_every=LOG_EVERY)
        # The first mean holds the step that warms up.
        engine.append(figures(trained.first_step, trained.steps[1:], trained.peak_mib))
        waits.append(trained.input_wait)
    for name in bare[0]:
        ours, least = [one[name] for one in engine], [one[name] for one in bare]
        show(f"{title}, bare: {name}", least)
        show(f"{title}, engine: {name}", ours)
        show_ratios(ours, least)
    show(f"{title}, engine: share of waiting for input", waits)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    add_image_options(parser, images=60)
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--batches", default="", help="in place of the config's, as 2,8,32")
    parser.add_argument("-s", dest="changes", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()

    print_heading(f"{asked.steps} steps, images of {asked.size}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_records(root, asked.images, asked.size, png=asked.png)
        for model in asked.model or MODELS:
            preset, own = MODELS[model]
            for batch in asked.batches.split(","):
                title = f"{model} batch {batch}" if batch else model
                more = [f"batch_size={batch}"] if batch else []
                config = write_config(root, preset, [*own, *asked.changes, *more])
                measure(root, title, config, asked.rounds, asked.steps)


if __name__ == "__main__":
    main()
