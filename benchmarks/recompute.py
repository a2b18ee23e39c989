"""Peak memory and time of a training step with `--recompute` and without, of the engine itself.

    python benchmarks/recompute.py --rounds 3
    python benchmarks/recompute.py --rounds 1 --model kitti-d0 --size 512 --batch 4

draws images of KITTI's size, converts them, renders the preset from scratch and trains it by turns
without and with the option, each time in a fresh process and never two at once. The first two steps
warm up. Prints the machine, the commit, and median, minimum and maximum of every figure; ratios are
of one round. Of the time, that of the processor is shown as well: it is what counts where something
else runs on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

HERE = Path(__file__).parent
WARM_UP = 2  # steps


class Run(NamedTuple):
    """What one training needed."""

    peak_mib: float
    step: float  # seconds, the median
    processor: float  # seconds of all cores, of the whole process


def prepare(root: Path, preset: str, size: int, batch: int) -> Path:
    """A workspace with a converted dataset; the config's path."""
    draw_streets(root / "KITTI", images=20, seed=0, size_hw=(375, 1242))
    convert_kitti(root / "KITTI", root / "data" / "kitti")
    unset = (f"train_config.fine_tune_checkpoint{end}" for end in ("", "_type", "_version"))
    changes = Changes((f"image_size={size}", f"batch_size={batch}"), tuple(unset))
    config = root / "pipeline.config"
    config.write_text(render(preset, changes, Workspace(root)), encoding="utf-8")
    return config


def train(root: Path, config: Path, name: str, steps: int, *options: str) -> Run:
    """Train in a process of its own, saving only at its ends."""
    run = RunDir(root / "train" / name)
    numbers = {"num-steps": steps + WARM_UP, "checkpoint-every": 10**6, "log-every": 1}
    words = [word for key, value in numbers.items() for word in (f"--{key}", str(value))]
    engine = [sys.executable, "-m", "odapi_runner.engine.train", "--config", str(config)]
    process = subprocess.Popen(
        [*engine, "--run-dir", str(run.root), *words, *options],
        cwd=root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    before = psutil.Process().cpu_times()
    printed, _ = process.communicate()
    after = psutil.Process().cpu_times()
    if process.returncode:
        sys.exit(f"the training ended with {process.returncode}")
    lines = [line for line in printed.splitlines() if "per-step time" in line]
    seconds = [float(line.split()[-1].rstrip("s")) for line in lines]
    ended = next(event for event in read_events(run) if event["kind"] == "finished")
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return Run(ended["peak_mib"], statistics.median(seconds[WARM_UP:]), used)


def shown(name: str, values: list[float]) -> str:
    """One line: median, and the spread."""
    return f"{name:<34} {statistics.median(values):9.3f} {min(values):9.3f} … {max(values):.3f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--model", default="kitti-d2", help="a preset")
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--batch", type=int, default=2)
    asked = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    revision = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(revision, capture_output=True, text=True, check=True).stdout.strip()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, commit {commit}")
    print(f"{asked.model} at {asked.size}, batch {asked.batch}, {asked.steps} steps")
    plain, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = prepare(root, asked.model, asked.size, asked.batch)
        for number in range(asked.rounds):
            plain.append(train(root, config, f"plain{number}", asked.steps))
            again.append(train(root, config, f"again{number}", asked.steps, "--recompute"))
    print(f"{'':<34} {'median':>9} {'min … max':>12}")
    for field, what in (
        ("peak_mib", "peak MiB"),
        ("step", "s a step"),
        ("processor", "s of the processor, start and all"),
    ):
        values = [
            (getattr(one, field), getattr(two, field))
            for one, two in zip(plain, again, strict=True)
        ]
        print(shown(f"plain: {what}", [one for one, _ in values]))
        print(shown(f"--recompute: {what}", [two for _, two in values]))
        print(shown("ratio", [two / one for one, two in values]))


if __name__ == "__main__":
    main()
