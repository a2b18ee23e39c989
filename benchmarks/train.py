"""A training step and its start-up, against a bare loop of the same network, in one run.

    python benchmarks/train.py --rounds 3

draws images of KITTI's size, converts them, renders `kitti-d0` (EfficientDet-D0 at 512, batch 4)
and runs the engine's trainer and `bare.py` in turn, each in a fresh process, several times. Prints
the machine, the commit, and median, minimum and maximum of every figure with the ratios.
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
LOG_EVERY = 5  # steps: the engine's step time is the median of their means


def prepare(root: Path, images: int, changes: list[str]) -> Path:
    """A workspace with a converted dataset and a config; the config's path."""
    draw_streets(root / "KITTI", images=images, seed=0, size_hw=(375, 1242))
    convert_kitti(root / "KITTI", root / "data" / "kitti")
    config = root / "pipeline.config"
    unset = (f"train_config.fine_tune_checkpoint{end}" for end in ("", "_type", "_version"))
    wanted = Changes(tuple(changes), tuple(unset))
    config.write_text(render("kitti-d0", wanted, Workspace(root)), encoding="utf-8")
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


def shown(name: str, values: list[float]) -> str:
    """One line: median, and the spread."""
    spread = f"{min(values):8.3f} … {max(values):.3f}"
    return f"{name:<34} {statistics.median(values):8.3f} {spread}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("-s", dest="changes", action="append", default=[], metavar="PATH=VALUE")
    arguments = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    revision = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(revision, capture_output=True, text=True, check=True).stdout.strip()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, commit {commit}")
    bare, engine = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = prepare(root, arguments.images, arguments.changes)
        for number in range(arguments.rounds):
            bare.append(run_bare(config, arguments.steps))
            engine.append(run_engine(root, config, arguments.steps, f"run{number}"))
    steps = [
        (statistics.median(one["steps"]), statistics.median(other["steps"]))
        for one, other in zip(bare, engine, strict=True)
    ]
    print(f"{'':<34} {'median':>8} {'min … max':>10}")
    print(shown("bare: s a step", [one for one, _ in steps]))
    print(shown("engine: s a step", [other for _, other in steps]))
    print(shown("ratio", [other / one for one, other in steps]))
    print(shown("bare: s to the first step", [one["first_step"] for one in bare]))
    print(shown("engine: s to the first step", [one["first_step"] for one in engine]))
    print(shown("bare: peak MiB", [one["peak_mib"] for one in bare]))
    print(shown("engine: peak MiB", [one["peak_mib"] for one in engine]))


if __name__ == "__main__":
    main()
