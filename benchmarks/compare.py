"""How soon `odapi compare` answers where a thousand runs lie.

    python benchmarks/compare.py --runs 1000 --times 5

makes so many finished runs of a hundred evaluations each in a temporary folder, no two of which
have the same config, and prints the shortest and the middle time of the whole process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from status import make_finished_run, time_command

from odapi_runner import files
from odapi_runner.cli.tables import print_table
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import render
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

PROMISED = 3.0  # seconds, `odapi compare` of 1,000 runs
COMMANDS = (
    "compare",
    "compare --out compare.csv --format csv",
    "compare --baseline run-0 --no-noise",
    "compare --where batch_size>=500 --sort mAP",
    "compare --steps --format csv",
)


def main() -> None:
    """Time each command and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.mark()
        text = render("kitti-d0", Changes(), workspace)
        for number in range(asked.runs):
            run = RunDir(workspace.train / f"run-{number}")
            make_finished_run(run)
            changed = text.replace("batch_size: 4\n", f"batch_size: {number + 1}\n")
            files.write_atomic(run.config, f"# odapi render -s batch_size={number + 1}\n{changed}")
        rows = []
        for command in COMMANDS:
            seconds = [time_command(command, workspace.root) for _ in range(asked.times)]
            rows.append([f"odapi {command}", min(seconds), statistics.median(seconds), None])
    rows[0][-1] = PROMISED
    print_table(["command", "shortest s", "middle s", "promised s"], rows, "markdown")


if __name__ == "__main__":
    main()
