"""What ends and starts a run of tf-models from outside: real processes, a program of no network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace
from support.tf_models import no_network, write_checkout
from support.workspaces import make_workspace, write_config

SECONDS = 120
EVENTS = ("checkpoint", "ending", "stopped")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a config; no run of it outlives the test."""
    workspace = make_workspace(tmp_path / "남의 엔진")
    write_config(workspace, "num_steps=100000", "image_size=256")
    yield workspace
    for root in workspace.train.glob("*"):
        for process in processes(RunDir(root)).values():
            os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that answers as this one, and starts another program than the launcher."""
    script = tmp_path / "python"
    program = f'shift; exec {sys.executable} {no_network.__file__} "$@"'
    text = f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\n{program}\n'
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    return script


def odapi(place: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "odapi_runner", *words],
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_run_of_the_queue_is_stopped_early_after_a_checkpoint(
    place: Workspace, python: Path, tmp_path: Path
) -> None:
    """It starts by itself; two evaluations that are no better end it where it is, saved."""
    engine = ("--engine", "tf-models", "--models-dir", str(write_checkout(tmp_path / "models")))
    saves = ("--checkpoint-every", "50", "--keep", "100", "--eval-backlog", "100")
    words = (*engine, "--python", str(python), "--gpu", "none", *saves)
    stop = ("--early-stop", "mAP:patience=2", "--queue", "--run", "일찍")
    queued = odapi(place, "train", "--config", "small.config", *words, *stop)
    assert queued.returncode == 0, queued.stderr
    waited = odapi(place, "wait", "일찍")

    run = RunDir(place.train / "일찍")
    told = {kind: [one for one in read_events(run) if one["kind"] == kind] for kind in EVENTS}
    (stopped,) = told["stopped"]
    saved = [one["step"] for one in told["checkpoint"]]
    assert waited.returncode == 0, waited.stderr
    assert waited.stdout.startswith(f"일찍: done, step {stopped['step']} of 100000")
    assert (stopped["role"], saved[-1]) == ("train", stopped["step"])
    assert saved == sorted(set(saved))
    assert run.evaluated_steps() == saved
    (ending,) = told["ending"]
    assert ending["outcome"] == "finished"
    assert "mAP was best at step 0 (0.2500)" in ending["what"]
    assert odapi(place, "queue", "list", "--format", "json").stdout == "[]\n"
