"""How soon the command line answers.

    python benchmarks/cli.py --runs 5

makes a workspace with a small drawn dataset in a temporary folder and prints, for each command,
the shortest and the middle time of so many processes from start to end. `odapi train` is timed
until the prompt is back; the run is stopped at once.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from odapi_runner.cli.tables import print_table
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.runs.control import stop_run
from odapi_runner.runs.names import find_run
from odapi_runner.workspace import Workspace

CONFIG = "pipelines/kitti-d0/pipeline.config"
CHANGES = Changes(
    overrides=("image_size=128", "num_steps=1000"),
    deletes=("train_config.fine_tune_checkpoint",),
)

# What is promised, in seconds (README).
COMMANDS = {
    "odapi --help": 0.15,
    "odapi render --preset kitti-d0 --out -": 0.5,
    f"odapi check {CONFIG}": 1.0,
    "odapi status": 0.5,
    f"odapi train --config {CONFIG} --gpu none": 2.0,
}


def main() -> None:
    """Time each command and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder))
        rows = []
        for command, promised in COMMANDS.items():
            seconds = [time_command(command, workspace) for _ in range(runs)]
            rows.append([command, min(seconds), statistics.median(seconds), promised])
    print_table(["command", "shortest s", "middle s", "promised s"], rows, "markdown")


def make_workspace(root: Path) -> Workspace:
    """A dataset of 300 images and a config that trains on it."""
    workspace = Workspace(root)
    draw_streets(root / "raw", images=300, seed=0)
    convert_kitti(root / "raw", workspace.data / "kitti")
    write_rendered("kitti-d0", CHANGES, workspace)
    workspace.mark()
    return workspace


def time_command(command: str, workspace: Workspace) -> float:
    """Seconds from the start of a process to its end; a run that it started is stopped."""
    program = [str(Path(sys.executable).with_name("odapi")), *command.split()[1:]]
    start = time.perf_counter()
    done = subprocess.run(
        program, cwd=workspace.root, check=True, capture_output=True, encoding="utf-8"
    )
    seconds = time.perf_counter() - start
    if " train " in command:
        stop_run(find_run(done.stdout.partition(":")[0], workspace))
    return seconds


if __name__ == "__main__":
    main()
