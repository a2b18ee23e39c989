"""Runs of google/automl's main.py: of a stand-in here, of the real one in the long tests.

The stand-in (`support.automl`) has the program's flags, hooks and files; supervisor, the trainer
and evaluator that follow it, and what is followed over there (`inside.py`) are the real ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from odapi_runner import coco
from odapi_runner.errors import ConfigError, RunError
from odapi_runner.formats.best import read_best
from odapi_runner.formats.detections import read_detections, read_groundtruth
from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import newest_checkpoint
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.evaluate import evaluate
from odapi_runner.runs.launch import train
from odapi_runner.runs.lock import is_locked
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.resume import resume
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import processes, read_status
from odapi_runner.workspace import Workspace
from support.automl import make_automl
from support.workspaces import make_workspace, write_config

SECONDS = 120  # more than any wait for the stand-in takes on a busy machine
LONG_SECONDS = 900


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Ten drawn images, eight for training; no run outlives the tests."""
    place = make_workspace(tmp_path_factory.mktemp("실행 공간"))
    yield place
    for root in place.train.glob("*"):
        for process in processes(RunDir(root)).values():
            os.kill(process.pid, signal.SIGKILL)


def start(
    place: Workspace,
    automl: tuple[str, str],
    name: str,
    steps: int = 8,
    start_from: str | None = None,
    **more: Any,
) -> RunDir:
    """A run by main.py, of a small config."""
    options = RunOptions(automl_dir=automl[0], python=automl[1], **{"checkpoint_every": 4} | more)
    with contextlib.chdir(place.root):
        return train(
            config=write_config(place, f"num_steps={steps}", name=name),
            run=name,
            engine="automl",
            device="none",
            from_scratch=start_from is None,
            start_from=start_from,
            options=options,
            workspace=str(place.root),
        )


def told(run: RunDir, kind: str, role: str = "train") -> list[dict[str, Any]]:
    return [event for event in read_events(run, role) if event["kind"] == kind]


def until(condition: Callable[[], object], run: RunDir, seconds: float = SECONDS) -> None:
    logs = [run.log(role) for role in ("train", "eval", "supervise")]
    said = [path.read_text("utf-8")[-2000:] for path in logs if path.exists()]
    assert wait_until(lambda: bool(condition()), seconds), said


def finish(run: RunDir, seconds: float = SECONDS) -> str:
    until(lambda: read_status(run).has_ended and not processes(run), run, seconds)
    return read_status(run).state


def test_a_run_is_a_run(workspace: Workspace, tmp_path: Path) -> None:
    """Trained, every checkpoint evaluated, the best kept: figures, files and boxes as of any."""
    run = start(workspace, make_automl(tmp_path), "whole", keep=1)

    assert finish(run) == "done"
    assert RunSpec.load(run).versions["tensorflow"] == "2.15.1"
    status = read_status(run)
    assert (status.step, status.num_steps, status.best_step) == (8, 8, 8)
    assert [event["step"] for event in told(run, "checkpoint")] == [4, 8]
    assert [event["step"] for event in told(run, "evaluated", "eval")] == [4, 8]
    assert run.checkpoints() == [8]
    newest = newest_checkpoint(run)
    assert newest is not None
    assert (newest.step, newest.has_weights) == (8, True)
    best = read_best(run)
    assert best is not None
    assert (best.number, best.metrics["mAP"]) == (8, 0.08)
    assert best.metrics["loss_localization"] == pytest.approx(0.02 * 50)
    assert best.metrics["loss_regularization"] == pytest.approx(3 - 1 - 1)
    found, truth = read_detections(run.detections_at(8)), read_groundtruth(run.groundtruth)
    assert found.boxes_xywh_px.tolist() == [[10, 20, 30, 40]] * 2
    assert found.image.tolist() == [0, 1]
    assert len(truth.source_ids) == 2
    header, *rows = run.metrics_csv.read_text(encoding="utf-8").splitlines()
    assert header.startswith("step,mAP,mAP_50,mAP_75,mAP_small,mAP_medium,mAP_large,")
    assert [row.split(",")[:7] for row in rows] == [
        ["4", *["0.04"] * 5, ""],
        ["8", *["0.08"] * 5, ""],
    ]


def test_a_run_starts_from_another_ones_best(workspace: Workspace, tmp_path: Path) -> None:
    """Its checkpoint is main.py's --ckpt: it begins at step 0 with those weights."""
    automl = make_automl(tmp_path)
    parent = start(workspace, automl, "parent")
    assert finish(parent) == "done"
    run = start(workspace, automl, "child", start_from="parent@best")

    assert finish(run) == "done"
    assert told(run, "started")[0]["step"] == 0
    said = run.log("train").read_text(encoding="utf-8")
    assert said.startswith(f"train efficientdet-d0 from {run.root / 'start' / 'ckpt-8'}\n")
    assert (read_status(run).parent, read_status(run).parent_step) == ("parent", 8)


def test_a_stop_saves_and_a_resume_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    """SIGTERM: the step at hand, a checkpoint of it, nothing lost; then to the end exactly."""
    automl = make_automl(tmp_path, step_seconds=0.05)
    run = start(workspace, automl, "stopped", steps=2000, checkpoint_every=1000)
    until(lambda: (read_status(run).step or 0) >= 3, run)
    stop_run(run)

    assert read_status(run).state == "stopped"
    (stop,) = told(run, "stopped")
    assert 3 <= stop["step"] < 1000
    assert run.checkpoints() == [stop["step"]]
    resume(run, num_steps=stop["step"] + 6, options={"checkpoint_every": 4})
    assert finish(run) == "done"
    assert [event["step"] for event in told(run, "started")] == [0, stop["step"]]
    # It counts from where it goes on.
    saved = [stop["step"], stop["step"] + 4, stop["step"] + 6]
    assert [event["step"] for event in told(run, "evaluated", "eval")] == saved


def test_a_crash_while_stopping_is_no_stop(workspace: Workspace, tmp_path: Path) -> None:
    """The disk is full: the steps since the last checkpoint are lost, and that is said."""
    automl = make_automl(tmp_path, step_seconds=0.05, STAND_IN_FULL_AT_END="")
    run = start(workspace, automl, "full", steps=2000, checkpoint_every=1000)
    until(lambda: (read_status(run).step or 0) >= 3, run)
    stop_run(run)

    assert told(run, "stopped") == []
    assert run.checkpoints() == []
    what = 'a file could not be written ("No space left on device"): odapi logs full'
    assert read_status(run).what == what


def test_a_stop_before_the_program_heeds_it_is_one(workspace: Workspace, tmp_path: Path) -> None:
    """While it imports TensorFlow SIGTERM simply ends it: nothing is lost by that."""
    run = start(workspace, make_automl(tmp_path, STAND_IN_IMPORT_SECONDS="60"), "soon")
    log = run.log("train")
    until(lambda: log.exists() and "importing" in log.read_text(encoding="utf-8"), run)
    stop_run(run)

    assert [event["step"] for event in told(run, "stopped")] == [0]
    assert (read_status(run).state, read_status(run).what) == ("stopped", "")


def test_a_killed_trainer_leaves_no_program_behind(workspace: Workspace, tmp_path: Path) -> None:
    """After kill -9 of all that odapi has started main.py ends, too, and the run can go on."""
    automl = make_automl(tmp_path, step_seconds=0.05)
    run = start(workspace, automl, "killed", steps=40, checkpoint_every=5)
    until(lambda: run.checkpoints()[-1:] >= [5], run)
    pid = str(run.root / "automl")
    for process in processes(run).values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    until(lambda: not _named(pid) and not is_locked(run), run)

    newest = run.checkpoints()[-1]
    resume(run)
    assert finish(run) == "done"
    assert told(run, "started")[-1]["step"] >= newest
    assert {event["step"] for event in told(run, "evaluated", "eval")} >= {newest, 40}


def _named(word: str) -> list[str]:
    """The processes of this machine with a word in their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def test_early_stop_and_turns(workspace: Workspace, tmp_path: Path) -> None:
    """By turns, an epoch of 4 steps each (8 images in twos), in one process, to its early stop.

    The first of three evaluations remains the best, since none is better by 1.
    """
    automl = make_automl(tmp_path, step_seconds=0.02)
    run = start(
        workspace, automl, "turns", steps=4000, alternate=True,
        early_stop="mAP:patience=2,min-delta=1",
    )  # fmt: skip

    assert finish(run) == "done"
    what = "stopped early: mAP was best at step 4 (0.0400), and not better by more than 1 in 2 "
    assert read_status(run).what.startswith(what)
    evaluated = [event["step"] for event in told(run, "evaluated", "eval")]
    assert evaluated[:3] == [4, 8, 12]
    assert not told(run, "evaluator_started", "supervise")
    newest = run.checkpoints()[-1]
    assert 12 <= newest < 4000
    assert told(run, "stopped")[-1]["step"] == newest
    resume(run, num_steps=newest // 4 * 4 + 8, options={"early_stop": None})
    assert finish(run) == "done"
    assert told(run, "evaluated", "eval")[-1]["step"] == newest // 4 * 4 + 8


def test_turns_are_of_whole_epochs(workspace: Workspace, tmp_path: Path) -> None:
    """Steps that are none are refused with the nearest that are, by which it then goes on."""
    run = start(workspace, make_automl(tmp_path), "part", steps=9, alternate=True)

    assert finish(run) == "failed"
    assert read_status(run).what == (
        "--alternate takes turns by epochs of 8 images, and 9 steps are 2.25 of them. "
        "odapi resume part --num-steps 8"
    )
    resume(run, num_steps=8)
    assert finish(run) == "done"
    assert [event["step"] for event in told(run, "evaluated", "eval")] == [4, 8]


def test_early_stopping_ends_the_training_by_a_signal(workspace: Workspace, tmp_path: Path) -> None:
    """The evaluator's figures do not become better by 1: the trainer saves and ends."""
    automl = make_automl(tmp_path, step_seconds=0.05)
    run = start(
        workspace, automl, "early", steps=2000, checkpoint_every=10,
        early_stop="mAP:patience=1,min-delta=1",
    )  # fmt: skip

    assert finish(run) == "done"
    assert read_status(run).what.startswith("stopped early: ")
    last = run.checkpoints()[-1]
    assert 20 <= last < 2000
    assert told(run, "stopped")[-1]["step"] == last


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"STAND_IN_NAN_AT": "6"}, "the loss of step 6 is not finite"),
        ({"STAND_IN_CRASH_AT": "6"}, "the trainer ended with exit code 134"),
    ],
)
def test_a_failure_is_told(
    workspace: Workspace, tmp_path: Path, environment: dict[str, str], what: str
) -> None:
    """With the program's own reason where it has one; what was saved before is evaluated."""
    automl = make_automl(tmp_path, **environment)
    run = start(workspace, automl, what.replace(" ", "-"))

    assert finish(run) == "failed"
    assert read_status(run).what.startswith(what)
    assert [event["step"] for event in told(run, "evaluated", "eval")] == [4]


def test_checkpoints_are_evaluated_afterwards(workspace: Workspace, tmp_path: Path) -> None:
    """`odapi eval --step all`, and once more."""
    run = start(workspace, make_automl(tmp_path), "later", evaluate=False)
    assert finish(run) == "done"
    assert run.evaluated_steps() == []

    assert evaluate(run, again=True) == [4, 8]
    assert evaluate(run, again=True) == [4, 8]


def test_hyperparameters_are_checked_before_the_start(workspace: Workspace, tmp_path: Path) -> None:
    """The third seed: a name that the checkout does not know is an error, and nothing starts."""
    automl = make_automl(tmp_path)
    with pytest.raises(ConfigError, match=r'knows no "learning_rat"') as raised:
        start(workspace, automl, "typo", hparams="learning_rat=0.1")
    assert raised.value.fix == 'Did you mean "learning_rate"?'
    assert not (workspace.train / "typo").exists()

    run = start(workspace, automl, "told", hparams="nms_configs.sigma=0.7,alpha=0.5")
    assert finish(run) == "done"
    written = (run.root / "automl" / "hparams.yaml").read_text(encoding="utf-8")
    assert "alpha: 0.5\n" in written
    assert '"sigma": 0.7' in written


def test_an_interpreter_that_cannot_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """Before anything is made, with the line that makes one that can."""
    checkout, _ = make_automl(tmp_path)
    with pytest.raises(RunError, match="cannot run google/automl: it has") as raised:
        start(workspace, (checkout, "python3"), "unfit")
    assert "pip install 'tensorflow==2.15.1'" in raised.value.fix


@pytest.fixture
def real() -> tuple[str, str]:
    """The real checkout and its interpreter."""
    folder = os.environ.get("ODAPI_TEST_AUTOML_DIR")
    python = os.environ.get("ODAPI_TEST_AUTOML_PYTHON")
    if not folder:
        pytest.skip("no checkout of google/automl named by $ODAPI_TEST_AUTOML_DIR")
    if not python:
        pytest.skip("no interpreter for google/automl named by $ODAPI_TEST_AUTOML_PYTHON")
    return folder, python


@pytest.mark.long
def test_the_real_program(workspace: Workspace, real: tuple[str, str]) -> None:
    """Trained, stopped after some steps, resumed to the end, evaluated; then by turns."""
    run = start(workspace, real, "real", steps=40, checkpoint_every=20)
    until(lambda: 2 <= (read_status(run).step or 0) < 15, run, LONG_SECONDS)
    stop_run(run)
    (stop,) = told(run, "stopped")
    assert run.checkpoints()[-1] == stop["step"]
    resume(run)

    assert finish(run, LONG_SECONDS) == "done"
    assert told(run, "started")[-1]["step"] == stop["step"]
    saved = [stop["step"], stop["step"] + 20, 40]
    assert [event["step"] for event in told(run, "evaluated", "eval")] == saved
    found, truth = read_detections(run.detections_at(40)), read_groundtruth(run.groundtruth)
    assert len(found.scores) > 0
    again = coco.evaluate(truth, found, per_category=True)
    told_by_it = {tag: value for tag, value in found.metrics.items() if tag in again}
    assert again == pytest.approx(told_by_it, abs=1e-6)  # which it computes in 32 bits

    turns = start(workspace, real, "real-turns", steps=8, alternate=True)
    assert finish(turns, LONG_SECONDS) == "done"
    assert [event["step"] for event in told(turns, "evaluated", "eval")] == [4, 8]
    wait_for(turns)


def test_options_say_nothing_of_the_evaluator_where_turns_are_taken(tmp_path: Path) -> None:
    """The run has no second process then, and run.json says so."""
    from odapi_runner.backends.automl.engine import settle

    folder, python = make_automl(tmp_path)
    settled = settle(RunOptions(automl_dir=folder, python=python, alternate=True))
    assert not settled.evaluate
    assert dataclasses.replace(settled, alternate=False, evaluate=True) == settle(
        RunOptions(automl_dir=folder, python=python)
    )
