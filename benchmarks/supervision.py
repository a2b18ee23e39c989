"""What a run's supervision costs, and how soon a checkpoint's metrics are in its table.

    python benchmarks/supervision.py --steps 400 --every 100

trains SSD MobileNet V2 FPNLite, a quarter as wide, at 64 pixels, with `odapi train`, and prints:
seconds until the prompt is back; for each checkpoint the seconds from when it was written to when
its metrics are in metrics.csv, less its evaluation; the supervisor's memory and share of a core
from the first step on. The first checkpoint waits for the evaluator's start, which is shown apart.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from measuring import print_heading, show

from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import processes, read_status
from odapi_runner.workspace import Workspace

NAME = "kitti-ssd-mobilenet-v2-fpnlite"
SETTINGS = (
    "image_size=64",
    "model.ssd.feature_extractor.depth_multiplier=0.25",
    "batch_size=1",
    "learning_rate=0.001",
)
_LONGEST = 600.0


def main() -> None:
    """Train once and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), asked.steps)
        words = ["train", NAME, "--gpu", "none", "--checkpoint-every", str(asked.every)]
        program = [str(Path(sys.executable).with_name("odapi")), *words]
        start = time.perf_counter()
        subprocess.run(program, cwd=workspace.root, check=True, capture_output=True)
        prompt = time.perf_counter() - start
        run = RunDir(workspace.train / NAME)
        memory, core = watch(run)
        print_heading("supervision")
        show("odapi train until the prompt is back, s", [prompt])
        first, *others = delays(run)
        show("checkpoint to metrics.csv, less its evaluation, s", others)
        show("  the first one, which the evaluator is started for, s", [first])
        show("supervisor: resident memory, MiB", [memory])
        show("supervisor: share of a core, %", [100 * core])


def make_workspace(root: Path, steps: int) -> Workspace:
    """Ten drawn images and a config."""
    workspace = Workspace(root)
    workspace.mark()
    draw_streets(root / "raw", images=10, seed=1, size_hw=(96, 128))
    convert_kitti(root / "raw", workspace.data / "kitti", shards=1)
    start = ("train_config.fine_tune_checkpoint", "train_config.fine_tune_checkpoint_type")
    write_rendered(NAME, Changes((*SETTINGS, f"num_steps={steps}"), start), workspace)
    return workspace


def watch(run: RunDir) -> tuple[float, float]:
    """The most resident memory of the supervisor, in MiB, and its share of a core, to the end."""
    supervisor = psutil.Process(processes(run)["supervisor"].pid)
    assert wait_until(lambda: has_stepped(run), _LONGEST)
    used, since = sum(supervisor.cpu_times()[:2]), time.perf_counter()
    now, memory, spent = since, 0, used
    while read_status(run).is_live:
        try:
            spent = sum(supervisor.cpu_times()[:2])
            memory = max(memory, supervisor.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        now = time.perf_counter()
        time.sleep(1)
    return memory / (1 << 20), (spent - used) / (now - since)


def has_stepped(run: RunDir) -> bool:
    """Whether the trainer has made its first step."""
    return any(event["kind"] == "first_step" for event in read_events(run, "train"))


def delays(run: RunDir) -> list[float]:
    """Of each checkpoint: from its writing to its row in the table, less the evaluation."""
    at: dict[tuple[str, int], float] = {}
    for event in read_events(run):
        if event["kind"] in {"checkpoint", "evaluating", "evaluated"}:
            at[event["kind"], event["number"]] = event["time"]
    numbers = sorted(number for kind, number in at if kind == "evaluated")
    found = []
    for number in numbers:
        # The evaluation itself ends when its figures are there; the table follows.
        step = next(one["step"] for one in read_events(run, "eval") if one.get("number") == number)
        figures = run.detections_at(step).stat().st_mtime
        itself = figures - at["evaluating", number]
        found.append(at["evaluated", number] - at["checkpoint", number] - itself)
    return found


if __name__ == "__main__":
    main()
