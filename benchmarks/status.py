"""How soon `odapi status` answers where a thousand runs lie.

    python benchmarks/status.py --runs 1000 --times 5

makes so many finished runs of a hundred evaluations each in a temporary folder, and prints the
shortest and the middle time of the whole process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from odapi_runner import files
from odapi_runner.cli.tables import print_table
from odapi_runner.formats.runlog import EventLog
from odapi_runner.metrics import COLUMNS
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import identify
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace

EVALUATIONS = 100
EVERY = 1000  # steps
PROMISED = 1.0  # seconds, `odapi status` with 1,000 runs
COMMANDS = ("status", "status --json")


def main() -> None:
    """Time each command and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.mark()
        for number in range(asked.runs):
            make_finished_run(RunDir(workspace.train / f"run-{number}"))
        rows = []
        for command in COMMANDS:
            seconds = [time_command(command, workspace.root) for _ in range(asked.times)]
            rows.append([f"odapi {command}", min(seconds), statistics.median(seconds)])
    rows[0].append(PROMISED)
    rows[1].append(None)
    print_table(["command", "shortest s", "middle s", "promised s"], rows, "markdown")


def make_finished_run(run: RunDir) -> None:
    """What a training of a hundred evaluated checkpoints leaves that a status may look at."""
    run.root.mkdir(parents=True)
    run.pending.mkdir()
    run.pending_closed.touch()
    steps = [EVERY * number for number in range(EVALUATIONS)]
    spec = RunSpec(
        name=run.name,
        created="2026-01-02T03:04:05+09:00",
        command=("odapi", "train", "kitti-d0"),
        engine="builtin",
        device="none",
        environment={},
        num_steps=steps[-1],
        overrides=(),
        options=RunOptions(early_stop="mAP:patience=5"),
        versions={},
        digests=Digests("", {}, {}),
    )
    spec.dump(run)
    supervisor, trainer = EventLog(run, "supervise"), EventLog(run, "train")
    evaluator = EventLog(run, "eval")
    supervisor.write("started", process=identify(os.getpid()).dump())
    for number, step in enumerate(steps):
        trainer.write("checkpoint", number=number, step=step)
        evaluator.write("evaluating", number=number, step=step)
        evaluator.write("evaluated", number=number, step=step, mAP=step / 1e6)
    supervisor.write("finished", waiting=0, what="")
    files.write_json(run.progress("train"), {"time": 0.0, "phase": "done", "step": steps[-1]})
    columns = [column for column in COLUMNS if column != "run"]
    rows = (",".join([str(step)] + [str(step / 1e6)] * (len(columns) - 1)) for step in steps)
    files.write_atomic(run.metrics_csv, "\n".join([",".join(columns), *rows, ""]))
    block = (
        "INFO:tensorflow:Step {step} per-step time 0.295s\n"
        "INFO:tensorflow:{{'Loss/classification_loss': np.float32(0.27945235),\n"
        " 'Loss/total_loss': np.float32(0.74666774),\n 'learning_rate': np.float32(0.0)}}\n"
    )
    log = "".join(block.format(step=step) for step in range(100, steps[-1] + 1, 100))
    run.log("train").write_text(log, encoding="utf-8")


def time_command(command: str, workspace: Path) -> float:
    """Seconds from the start of a process to its end."""
    program = [str(Path(sys.executable).with_name("odapi")), *command.split()]
    start = time.perf_counter()
    subprocess.run(program, cwd=workspace, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
