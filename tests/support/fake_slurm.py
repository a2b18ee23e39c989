"""`sbatch`, `srun`, `squeue`, `scancel` and `scontrol`, by the name that it is called by.

A scheduler of one machine without a queue: jobs are real processes. What Slurm does besides is in
tests/runs/test_slurm.py. $FAKE_SLURM is its folder; while a file `full` is there, jobs wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:  # the programs start quickly without
    import pytest

STATE = Path(os.environ.get("FAKE_SLURM", "/nowhere"))
NAMES = ("sbatch", "srun", "squeue", "scancel", "scontrol")


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the programs, which are found first from now on; gives the scheduler's folder."""
    from odapi_runner.runs.slurm.scheduler import forget

    state = folder / "state"
    state.mkdir(parents=True)
    monkeypatch.setenv("FAKE_SLURM", str(state))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    forget()
    for name in NAMES:
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        program.chmod(0o755)
    return state


def sbatch(script: str) -> None:
    number = len(list(STATE.glob("*.script"))) + 1
    (STATE / f"{number}.script").write_text(Path(script).read_text("utf-8"), "utf-8")
    if not (STATE / "full").exists():
        environment = os.environ | {"SLURM_JOB_ID": str(number)}
        argv = ["bash", str(STATE / f"{number}.script")]
        nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        job = subprocess.Popen(argv, env=environment, start_new_session=True, **nowhere)
        (STATE / f"{number}.pid").write_text(str(job.pid))
    print(f"Submitted batch job {number}")


def srun(*words: str) -> None:
    place = words.index("--output") + 1
    log = words[place].replace("%j", os.environ["SLURM_JOB_ID"]).replace("%t", "0")
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execvp(words[place + 1], words[place + 1 :])


def squeue(*_: str) -> None:
    for script in STATE.glob("*.script"):
        number = script.stem
        if (STATE / f"{number}.cancelled").exists() and not members(number):
            continue
        if not (STATE / f"{number}.pid").exists():
            print(f"{number}|PENDING|Resources")
        elif members(number):
            print(f"{number}|RUNNING|None")


def scancel(*words: str) -> None:
    number = words[-1]
    if words[0] != "--signal=TERM":
        (STATE / f"{number}.cancelled").touch()
    for process in members(number)[1:]:  # not the shell
        process.send_signal(signal.SIGTERM)


def scontrol(*_: str) -> None:
    print("JobState=RUNNING PreemptTime=None")


def members(number: str) -> list[psutil.Process]:
    """The processes of a job, its shell first."""
    try:
        shell = psutil.Process(int((STATE / f"{number}.pid").read_text()))
        if shell.status() == psutil.STATUS_ZOMBIE:
            return []
        return [shell, *shell.children(recursive=True)]
    except (FileNotFoundError, psutil.NoSuchProcess):
        return []


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
