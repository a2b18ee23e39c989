"""A training step and its start-up, against a bare loop of the same network, in one run.

    python benchmarks/train.py --rounds 5
    python benchmarks/train.py --rounds 1 --model mobilenet --batches 2,8,32

draws images of KITTI's size, converts them, renders the configs of `MODELS`, and runs `bare.py` and
the engine's trainer in turn, each in a fresh process. Prints the machine, the commit, and median,
minimum and maximum of every figure; ratios are of one round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

HERE = Path(__file__).parent
MODELS = {
    "mobilenet": ("kitti-ssd-mobilenet-v2-fpnlite", ("image_size=320", "batch_size=8")),
    "d0": ("kitti-d0", ("image_size=512", "batch_size=4")),
}
LOG_EVERY = 5  # steps: the engine's step time is the median of their means


def prepare(root: Path, images: int) -> None:
    """A workspace with a converted dataset."""
    draw_streets(root / "KITTI", images=images, seed=0, size_hw=(375, 1242))
    convert_kitti(root / "KITTI", root / "data" / "kitti")


def write_config(root: Path, model: str, changes: Sequence[str]) -> Path:
    """Render the config of a model, from scratch; its path."""
    preset, own = MODELS[model]
    unset = (f"train_config.fine_tune_checkpoint{end}" for end in ("", "_type", "_version"))
    config = root / f"{model}.config"
    text = render(preset, Changes((*own, *changes), tuple(unset)), Workspace(root))
    config.write_text(text, encoding="utf-8")
    return config


def run_bare(config: Path, steps: int) -> dict[str, Any]:
    """What `bare.py` prints."""
    command = [sys.executable, str(HERE / "bare.py"), str(config), "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_engine(root: Path, config: Path, steps: int, name: str) -> dict[str, Any]:
    """The same figures of the engine's trainer, from its log and its events."""
    run = RunDir(root / "train" / name)
    options = {"num-steps": steps, "checkpoint-every": 10 * steps, "log-every": LOG_EVERY}
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    engine = [sys.executable, "-m", "odapi_runner.engine.train", "--config", str(config)]
    done = subprocess.run(
        [*engine, "--run-dir", str(run.root), *words],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if "per-step time" in line]
    seconds = [float(line.split()[-1].rstrip("s")) for line in lines]
    events = {event["kind"]: event for event in read_events(run)}
    return {
        "first_step": events["first_step"]["seconds"],
        "steps": seconds[1:],  # the first mean holds what warms up
        "peak_mib": events["finished"]["peak_mib"],
    }


def figures(measured: dict[str, Any]) -> dict[str, float]:
    """What is printed of one process."""
    step = statistics.median(measured["steps"])
    return {
        "s a step": step,
        "s to the first step, less one": measured["first_step"] - step,
        "peak MiB": measured["peak_mib"],
    }


def show(title: str, values: Sequence[float]) -> None:
    """One line: median, and the spread."""
    spread = f"{min(values):8.3f} … {max(values):.3f}"
    print(f"{title:<44} {statistics.median(values):8.3f} {spread}", flush=True)


def measure(root: Path, title: str, config: Path, rounds: int, steps: int) -> None:
    """Bare loop and engine in turn, and the ratios of each round."""
    bare, engine = [], []
    for number in range(rounds):
        bare.append(figures(run_bare(config, steps)))
        engine.append(figures(run_engine(root, config, steps, f"{title}-{number}")))
    for name in bare[0]:
        show(f"{title}, bare: {name}", [one[name] for one in bare])
        show(f"{title}, engine: {name}", [one[name] for one in engine])
        pairs = zip(bare, engine, strict=True)
        show(f"{title}, ratio: {name}", [other[name] / one[name] for one, other in pairs])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--batches", default="", help="in place of the config's, as 2,8,32")
    parser.add_argument("-s", dest="changes", action="append", default=[], metavar="PATH=VALUE")
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    revision = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(revision, capture_output=True, text=True, check=True).stdout.strip()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, commit {commit}")
    print(f"{'':<44} {'median':>8} {'min … max':>10}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(root, arguments.images)
        for model in arguments.model or MODELS:
            for batch in arguments.batches.split(","):
                title = f"{model} batch {batch}" if batch else model
                more = [f"batch_size={batch}"] if batch else []
                config = write_config(root, model, [*arguments.changes, *more])
                measure(root, title, config, arguments.rounds, arguments.steps)


if __name__ == "__main__":
    main()
