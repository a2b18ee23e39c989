"""What the benchmarks of the engine share: images, configs, trainings, and how to show figures."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from PIL import Image

from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

HERE = Path(__file__).parent
KITTI_SIZE = "375x1242"
_JPEG_QUALITY = 90


class Trained(NamedTuple):
    """What a training in a process of its own needed."""

    first_step: float  # seconds from the start of the process to the end of its first step
    steps: list[float]  # seconds a step: means of as many as were logged together
    peak_mib: float
    processor: float  # seconds of all cores, of the whole process
    input_wait: float  # a share of the time of all steps but the first


def print_heading(what: str) -> None:
    """Say on which machine which commit is measured, and what the columns are."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    revision = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(revision, capture_output=True, text=True, check=True).stdout.strip()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, commit {commit}")
    print(f"{what:<56} {'median':>9} {'min … max':>18}", flush=True)


def show(title: str, values: Sequence[float]) -> None:
    """One line: median, and the spread."""
    spread = f"{min(values):9.3f} … {max(values):.3f}"
    print(f"{title:<56} {statistics.median(values):9.3f} {spread}", flush=True)


def show_ratios(of: Sequence[float], to: Sequence[float]) -> None:
    """How many times the second figure the first is, round by round."""
    show("  ratio", [one / other for one, other in zip(of, to, strict=True)])


def add_image_options(parser: argparse.ArgumentParser, images: int) -> None:
    """What `draw_records` is told on a command line: photographs of VOC's size by default."""
    parser.add_argument("--images", type=int, default=images)
    parser.add_argument("--size", default="375x500", help="height x width; KITTI's is 375x1242")
    parser.add_argument("--png", action="store_true", help="as KITTI's, not JPEG")


def draw_records(root: Path, images: int, size: str, *, png: bool) -> None:
    """Street scenes of a size, height x width, as records in `data/kitti` below a folder."""
    height, width = map(int, size.split("x"))
    draw_streets(root / "KITTI", images=images, seed=0, size_hw=(height, width))
    if not png:
        for path in (root / "KITTI" / "training" / "image_2").iterdir():
            with Image.open(path) as image:
                image.convert("RGB").save(path.with_suffix(".jpg"), quality=_JPEG_QUALITY)
            path.unlink()
    convert_kitti(root / "KITTI", root / "data" / "kitti")


def write_config(root: Path, preset: str, changes: Sequence[str]) -> Path:
    """Render the config of a preset, from scratch, into a folder; its path."""
    unset = tuple(f"train_config.fine_tune_checkpoint{end}" for end in ("", "_type", "_version"))
    config = root / "pipeline.config"
    text = render(preset, Changes(tuple(changes), unset), Workspace(root))
    config.write_text(text, encoding="utf-8")
    return config


def train(
    root: Path, config: Path, name: str, *, steps: int, log_every: int, options: Sequence[str] = ()
) -> Trained:
    """Train with the engine, in a process of its own that saves only at its ends."""
    run = RunDir(root / "train" / name)
    numbers = {"num-steps": steps, "checkpoint-every": 10**6, "log-every": log_every}
    words = [word for key, value in numbers.items() for word in (f"--{key}", str(value))]
    engine = [sys.executable, "-m", "odapi_runner.engine.train", "--config", str(config)]
    before = _processor_time()
    done = subprocess.run(
        [*engine, "--run-dir", str(run.root), *words, *options],
        cwd=root, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    after = _processor_time()
    lines = [line for line in done.stdout.splitlines() if "per-step time" in line]
    events = {event["kind"]: event for event in read_events(run)}
    finished = events["finished"]
    return Trained(
        events["first_step"]["seconds"],
        [float(line.split()[-1].rstrip("s")) for line in lines],
        finished["peak_mib"],
        after - before,
        finished["input_wait"],
    )


def _processor_time() -> float:
    """Seconds of all cores, of all processes that this one has waited for."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)
