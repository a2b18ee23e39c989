"""Real runs of the builtin engine, started and ended as people do it, and as machines do.

A D0 at 128 pixels on ten drawn images; some seconds a run once TensorFlow is imported. The same
with every corner of supervision, but without TensorFlow, is in test_supervise.py.
"""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.best import read_best
from odapi_runner.formats.detections import read_detections
from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import processes, read_status
from odapi_runner.workspace import Workspace

pytestmark = pytest.mark.tf

ODAPI = [sys.executable, "-m", "odapi_runner"]
CAR = "DetectionBoxes_PerformanceByCategory/mAP/Car"
SECONDS = 240  # more than any wait here takes on a busy machine
FROM_SCRATCH = ("train_config.fine_tune_checkpoint", "train_config.fine_tune_checkpoint_type")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a dataset and pipelines/kitti-d0; no run of it outlives the tests."""
    place = Workspace(tmp_path_factory.mktemp("실행"))
    place.mark()
    draw_streets(place.root / "raw", images=10, seed=1, size_hw=(96, 128))
    convert_kitti(place.root / "raw", place.data / "kitti", shards=1)
    # Twice as many small boxes have an anchor then: no warning comes before the first line.
    anchors = "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale=2"
    settings = ("image_size=128", "batch_size=2", "num_steps=60", "learning_rate=0.01", anchors)
    write_rendered("kitti-d0", Changes(settings, FROM_SCRATCH), place)
    yield place
    for root in place.train.glob("*"):
        for process in processes(RunDir(root)).values():
            os.kill(process.pid, signal.SIGKILL)


def odapi(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ODAPI, *words],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def events(run: RunDir, kind: str, role: str) -> list[dict[str, Any]]:
    return [e for e in read_events(run) if e["kind"] == kind and e["role"] == role]


def until(condition: Callable[[], object], run: RunDir) -> None:
    logs = [run.log(role) for role in ("train", "eval", "supervise")]
    told = [path.read_text("utf-8")[-2000:] for path in logs if path.exists()]
    assert wait_until(lambda: bool(condition()), SECONDS), told


def saved_steps(run: RunDir) -> list[int]:
    return [event["step"] for event in events(run, "checkpoint", "train")]


def test_from_a_terminal_that_is_gone_to_the_table(workspace: Workspace) -> None:
    """Train from a shell, kill shell and terminal; the run goes on; the table has its figures."""
    run = RunDir(workspace.train / "kitti-d0")
    pid, terminal = pty.fork()
    if pid == 0:  # the shell on the terminal
        os.chdir(workspace.root)
        train = f"{sys.executable} -m odapi_runner train --gpu none --checkpoint-every 30"
        os.execv("/bin/sh", ["/bin/sh", "-c", f"{train} --best {CAR}; sleep 600"])
    shown = b""
    while b"odapi logs kitti-d0" not in shown:
        shown += os.read(terminal, 4096)
    os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)

    first = shown.decode().splitlines()[0]
    assert first == "kitti-d0: training pipelines/kitti-d0/pipeline.config in train/kitti-d0"
    assert read_status(run).state == "running"
    again = odapi(workspace, "train", "--run", "kitti-d0")
    assert again.returncode == 1
    assert again.stderr.startswith("Error: kitti-d0: there is a run of this name already\n")
    resumed = odapi(workspace, "resume", "kitti-d0")
    assert resumed.returncode == 1
    assert resumed.stderr.startswith("Error: kitti-d0: processes of this run are alive\n")

    waited = odapi(workspace, "wait", "kitti-d0")

    assert waited.returncode == 0, run.log("train").read_text("utf-8")
    assert waited.stdout.startswith("kitti-d0: done, step 60 of 60")
    assert saved_steps(run) == [0, 30, 60]
    assert [event["step"] for event in events(run, "evaluated", "eval")] == [0, 30, 60]
    compared = odapi(workspace, "compare", "train/kitti-d0", "--out", "표.csv")
    assert compared.returncode == 0, compared.stderr
    (row,) = csv.DictReader((workspace.root / "표.csv").open(encoding="utf-8"))
    assert row["run"] == "kitti-d0"
    told = {event["step"]: event["mAP"] for event in events(run, "evaluated", "eval")}
    assert float(row["mAP"]) == pytest.approx(max(told.values()), abs=1e-9)
    best = read_best(run)
    assert best is not None
    scores = read_scores(run, CAR)
    assert (best.by, best.score) == (CAR, max(scores.values()))


def test_eval_afterwards_finds_the_same_figures(workspace: Workspace) -> None:
    """What the evaluator found beside the training, `odapi eval` finds again."""
    run = RunDir(workspace.train / "kitti-d0")
    before = read_detections(run.detections_at(30))
    run.detections_at(30).unlink()

    result = odapi(workspace, "eval", "kitti-d0", "--step", "30", "--format", "json")

    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["run"], row["step"]) == ("kitti-d0", 30)
    after = read_detections(run.detections_at(30))
    assert after.metrics == before.metrics
    np.testing.assert_array_equal(after.scores, before.scores)
    np.testing.assert_array_equal(after.boxes_xywh_px, before.boxes_xywh_px)


def test_each_process_killed_once_and_no_checkpoint_lost(workspace: Workspace) -> None:
    """Trainer, evaluator, supervisor; `stop` and `resume` between; all saved is evaluated."""
    started = odapi(workspace, "train", "--run", "죽음", "--checkpoint-every", "10")
    assert started.returncode == 0, started.stderr
    run = RunDir(workspace.train / "죽음")

    until(lambda: 10 in saved_steps(run), run)
    os.kill(processes(run)["trainer"].pid, signal.SIGKILL)
    waited = odapi(workspace, "wait", "죽음")
    assert waited.returncode == 1
    assert "the trainer was killed by SIGKILL" in waited.stderr
    last = saved_steps(run)[-1]

    assert odapi(workspace, "resume", "죽음").returncode == 0
    until(lambda: len(events(run, "restored", "train")) == 1, run)
    assert events(run, "started", "train")[-1]["step"] == last
    until(lambda: last + 10 in saved_steps(run) and "evaluator" in processes(run), run)
    os.kill(processes(run)["evaluator"].pid, signal.SIGKILL)
    stopped = odapi(workspace, "stop", "죽음")
    assert stopped.returncode == 0, stopped.stderr
    (event,) = events(run, "stopped", "train")
    assert saved_steps(run)[-1] == event["step"]
    assert odapi(workspace, "wait", "죽음").returncode == 3

    assert odapi(workspace, "resume", "죽음").returncode == 0
    until(lambda: len(events(run, "restored", "train")) == 2, run)
    until(lambda: saved_steps(run)[-1] > event["step"], run)
    os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)
    until(lambda: not processes(run), run)
    assert read_status(run).state == "lost"
    stops = events(run, "stopped", "train")
    assert len(stops) == 2  # the kernel told the trainer, and it saved
    assert saved_steps(run)[-1] == stops[-1]["step"]

    assert odapi(workspace, "resume", "죽음").returncode == 0
    finished = odapi(workspace, "wait", "죽음")
    assert finished.returncode == 0, finished.stderr
    steps = saved_steps(run)
    assert steps == sorted(set(steps))
    assert steps[-1] == 60
    assert set(range(0, 61, 10)) <= set(steps)
    assert run.evaluated_steps() == steps


def test_the_flags_of_model_main_tf2(workspace: Workspace) -> None:
    """The same script for training, and with --checkpoint_dir for evaluation."""
    main = [sys.executable, "-m", "odapi_runner.model_main_tf2"]
    config = workspace.shown(workspace.pipeline_config("kitti-d0"))
    common = ["--alsologtostderr", f"--pipeline_config_path={config}", "-model_dir", "model"]

    def run(*words: str) -> str:
        result = subprocess.run(
            [*main, *common, *words],
            cwd=workspace.root,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    run("--num_train_steps=3", "--checkpoint_every_n=2")

    made = RunDir(workspace.root / "model")
    assert made.checkpoints() == [1, 2, 3]
    assert saved_steps(made) == [0, 2, 3]

    shown = run(
        *("--checkpoint_dir", "model", "--eval_timeout", "1"),
        *("--sample_1_of_n_eval_examples", "2"),
    )

    assert "Performing evaluation on 1 images." in shown
    assert "Eval metrics at step 3" in shown
