"""Runs of model_main_tf2: a stand-in of it, and the real one where a checkout is named.

The stand-in (`support.tf_models`) has its flags, functions and files; all of odapi is real:
supervisor, minders, launcher, TensorFlow, checkpoints.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.checkpoint_index import read_index
from odapi_runner.formats.detections import read_detections, read_groundtruth
from odapi_runner.formats.runlog import read_events
from odapi_runner.metrics import CATEGORY_TAG
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.proto.text import render_pipeline
from odapi_runner.report.run.curves import read_training
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace
from support.tf_models import write_checkout
from support.workspaces import SMALL, make_workspace

pytestmark = pytest.mark.tf

SECONDS = 400  # more than any wait here takes on a busy machine
LAUNCHER = "odapi_runner.backends.tf_models"
CHECKOUT = "ODAPI_TEST_MODELS_DIR"
ALL = ("--eval-backlog", "50")  # however slow the machine, none is skipped


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a small SSD MobileNet; no run of it outlives the tests."""
    place = make_workspace(tmp_path_factory.mktemp("남의 엔진"))
    data = ("train_records=data/kitti/train-*.record", "eval_records=data/kitti/val-*.record")
    labels = ("num_classes=3", "label_map=data/kitti/label_map.pbtxt")
    changes = Changes((*SMALL, *data, *labels, "num_steps=6"))
    mobile = build_pipeline("ssd-mobilenet-v2-fpnlite-320", changes, place).message
    text = render_pipeline(without_fine_tuning(mobile))
    (place.root / "mobile.config").write_text(text, encoding="utf-8")
    yield place
    for root in place.train.glob("*"):
        for process in processes(RunDir(root)).values():
            os.kill(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkout(tmp_path_factory.mktemp("models"))


def odapi(
    workspace: Workspace, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "odapi_runner", *words],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=os.environ | environment,
    )


def train(workspace: Workspace, models: Path, *words: str, **environment: str) -> RunDir:
    """Start a run named by the last word; it goes on by itself."""
    engine = ("--engine", "tf-models", "--models-dir", str(models), "--gpu", "none")
    started = odapi(workspace, "train", "--config", "mobile.config", *engine, *words, **environment)
    assert started.returncode == 0, started.stderr
    return RunDir(workspace.train / words[-1])


def events(run: RunDir, kind: str, role: str) -> list[dict[str, Any]]:
    return [e for e in read_events(run) if e["kind"] == kind and e["role"] == role]


def saved_steps(run: RunDir) -> list[int]:
    return [event["step"] for event in events(run, "checkpoint", "train")]


def until(condition: Callable[[], object], run: RunDir) -> None:
    logs = [run.log(role) for role in ("train", "eval", "supervise")]
    assert wait_until(lambda: bool(condition()), SECONDS), [
        path.read_text("utf-8")[-2000:] for path in logs if path.exists()
    ]


@pytest.mark.long
def test_a_life_of_train_stop_resume_and_every_checkpoint_evaluated(
    workspace: Workspace, stand_in: Path
) -> None:
    """Exact steps, a checkpoint where it was stopped; none is lost, and none counts twice."""
    steps = ("--num-steps", "1000", "--checkpoint-every", "6", "--keep", "3", *ALL)
    run = train(workspace, stand_in, *steps, "--run", "삶", STAND_IN_SECONDS="1")
    until(lambda: len(saved_steps(run)) >= 2, run)
    stopped = odapi(workspace, "stop", "삶")
    assert stopped.returncode == 0, stopped.stderr
    (event,) = events(run, "stopped", "train")
    last = event["step"]
    assert saved_steps(run)[-1] == last

    more = odapi(workspace, "resume", "삶", "--num-steps", str(last + 7))
    assert more.returncode == 0, more.stderr
    assert "steps are made by the hundred" not in more.stderr
    waited = odapi(workspace, "wait", "삶")

    assert waited.returncode == 0, waited.stderr
    assert waited.stdout.startswith(f"삶: done, step {last + 7} of {last + 7}")
    steps_saved = saved_steps(run)
    assert steps_saved == sorted(set(steps_saved))
    assert steps_saved[-1] == last + 7
    assert run.evaluated_steps() == steps_saved
    assert len(run.checkpoints()) == 3
    assert (
        events(run, "started", "train")[1] | {"step": last, "resumed": True}
        == (events(run, "started", "train")[1])
    )
    (best,) = run.best.glob("ckpt-*.index")
    assert best.exists()
    found = read_detections(run.detections_at(last + 7))
    truth = read_groundtruth(run.groundtruth)
    # The stand-in finds all boxes of every other image.
    expected = truth.boxes_xywh_px[truth.image % 2 == 0]
    np.testing.assert_allclose(found.boxes_xywh_px, expected, atol=1e-3)
    np.testing.assert_array_equal(found.image, truth.image[truth.image % 2 == 0])
    assert set(found.metrics) >= {"DetectionBoxes_Precision/mAP", "Loss/total_loss"}


@pytest.mark.long
def test_the_curves_have_a_point_of_every_hundred_steps(
    workspace: Workspace, stand_in: Path
) -> None:
    """However the steps of an iteration divide: here they are nine."""
    steps = ("--num-steps", "630", "--checkpoint-every", "63", "--eval", "none")
    run = train(workspace, stand_in, *steps, "--run", "곡선")
    assert odapi(workspace, "wait", "곡선").returncode == 0

    curves = read_training(run)
    assert curves["loss_total"].steps == (108, 207, 306, 405, 504, 603)
    assert curves["steps_per_sec"].steps == curves["loss_total"].steps


@pytest.mark.long
def test_a_loss_that_is_no_number_ends_it(workspace: Workspace, stand_in: Path) -> None:
    """Before the next checkpoint, named, as with the builtin engine."""
    clip = "train_config.gradient_clipping_by_norm=13"  # the stand-in's sign for it
    run = train(workspace, stand_in, "-s", clip, "--eval", "none", "--run", "무한")
    waited = odapi(workspace, "wait", "무한")

    assert waited.returncode == 1
    assert "the loss of step 6 is not finite; the newest checkpoint is of step 0" in waited.stderr
    assert saved_steps(run) == [0]


@pytest.mark.long
def test_an_exception_of_the_program_is_told_with_its_place(
    workspace: Workspace, stand_in: Path
) -> None:
    """The user reads what, and where in the checkout, without opening a log."""
    train(workspace, stand_in, "--eval", "none", "--run", "터짐", STAND_IN_CRASH="1")
    waited = odapi(workspace, "wait", "터짐")

    assert waited.returncode == 1
    assert "model_main_tf2 ended with ValueError in model_lib_v2.py:" in waited.stderr
    assert "Incompatible shapes: [8,4] vs. [8,5]" in waited.stderr


@pytest.mark.long
def test_killed_processes_leave_no_orphan_and_lose_no_checkpoint(
    workspace: Workspace, stand_in: Path
) -> None:
    """The minder of the trainer, then the supervisor, with kill -9; `resume` after each."""
    steps = ("--num-steps", "60", "--checkpoint-every", "6", *ALL)
    run = train(workspace, stand_in, *steps, "--run", "죽음", STAND_IN_SECONDS="1")
    until(lambda: len(saved_steps(run)) >= 2, run)
    os.kill(processes(run)["trainer"].pid, signal.SIGKILL)
    assert odapi(workspace, "wait", "죽음").returncode == 1
    last = saved_steps(run)[-1]

    assert odapi(workspace, "resume", "죽음").returncode == 0
    until(lambda: saved_steps(run)[-1] > last, run)
    assert events(run, "started", "train")[-1]["step"] == last
    os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)
    until(lambda: not processes(run), run)

    assert odapi(workspace, "resume", "죽음").returncode == 0
    assert odapi(workspace, "wait", "죽음").returncode == 0
    steps_saved = saved_steps(run)
    assert steps_saved == sorted(set(steps_saved))
    assert run.evaluated_steps() == steps_saved
    assert steps_saved[-1] == 60


@pytest.mark.long
def test_the_launcher_runs_the_program_as_it_is(workspace: Workspace, stand_in: Path) -> None:
    """By hand, with its own flags: the shims and nothing else."""
    folder = workspace.root / "by hand"
    settings = json.dumps({"research": str(stand_in / "research")})
    words = ("run", settings, "--", "--pipeline_config_path=mobile.config", "--num_train_steps=100")
    done = subprocess.run(
        [sys.executable, "-m", LAUNCHER, *words, f"--model_dir={folder}"],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Step 100 per-step time" in done.stderr
    assert [path.name for path in folder.glob("*.index")] == ["ckpt-1.index"]  # of step 0


@pytest.fixture(scope="module")
def real(workspace: Workspace) -> RunDir:
    """A run of the checkout that the tests are to use: trained, stopped, resumed, evaluated."""
    if CHECKOUT not in os.environ:
        pytest.skip(f"no checkout of tensorflow/models named by ${CHECKOUT}")
    steps = ("--num-steps", "2000", "--checkpoint-every", "4", *ALL)
    run = train(workspace, Path(os.environ[CHECKOUT]), *steps, "--run", "진짜")
    until(lambda: len(saved_steps(run)) >= 2, run)
    assert odapi(workspace, "stop", "진짜").returncode == 0
    last = saved_steps(run)[-1]
    assert odapi(workspace, "resume", "진짜", "--num-steps", str(last + 7)).returncode == 0
    waited = odapi(workspace, "wait", "진짜")
    assert waited.returncode == 0, run.log("train").read_text("utf-8")[-3000:]
    return run


@pytest.mark.long
def test_the_real_program_trains_stops_resumes_and_evaluates(real: RunDir) -> None:
    """Exact steps, a checkpoint where it was stopped, every one of them evaluated."""
    (stopped,) = events(real, "stopped", "train")
    end = stopped["step"] + 7

    assert [event["step"] for event in events(real, "started", "train")] == [0, stopped["step"]]
    assert stopped["step"] in saved_steps(real)
    assert saved_steps(real)[-1] == end
    # The first one, from scratch, has no weights yet; one process evaluates all that wait.
    assert [0, *real.evaluated_steps()] == saved_steps(real)
    assert len(events(real, "shims", "eval")) <= 2
    found = read_detections(real.detections_at(end))
    assert len(found.scores) > 0
    names = read_groundtruth(real.groundtruth).class_names
    assert {f"{CATEGORY_TAG}{name}" for name in names} <= set(found.metrics)


@pytest.mark.long
def test_the_real_program_and_builtin_go_on_from_each_others_checkpoints(
    workspace: Workspace, real: RunDir
) -> None:
    """At the same step, with all variables; the same checkpoint is evaluated alike."""
    end = saved_steps(real)[-1]

    # The builtin engine takes over a folder that model_main_tf2 has left.
    other = workspace.root / "theirs"
    other.mkdir()
    for path in [*real.root.glob("ckpt-*"), real.checkpoint_state]:
        shutil.copy(path, other)
    shutil.copy(real.config, other / "pipeline.config")
    assert odapi(workspace, "adopt", "theirs", "--run", "이어서").returncode == 0
    ours = RunDir(workspace.train / "이어서")
    evaluated = odapi(workspace, "eval", "이어서", "--step", str(end), "--format", "json")
    (row,) = json.loads(evaluated.stdout)
    theirs, found = (read_detections(one.detections_at(end)) for one in (real, ours))
    assert row["mAP"] == pytest.approx(theirs.metrics["DetectionBoxes_Precision/mAP"], abs=2e-3)
    assert row["loss_total"] == pytest.approx(theirs.metrics["Loss/total_loss"], rel=1e-3)
    by_class = {tag for tag in theirs.metrics if tag.startswith(CATEGORY_TAG)}
    assert by_class == {tag for tag in found.metrics if tag.startswith(CATEGORY_TAG)}
    for tag in by_class:
        assert found.metrics[tag] == pytest.approx(theirs.metrics[tag], abs=2e-3)
    np.testing.assert_allclose(np.sort(found.scores), np.sort(theirs.scores), atol=1e-3)
    more = odapi(workspace, "resume", "이어서", "--num-steps", str(end + 3), "--gpu", "none")
    assert more.returncode == 0, more.stderr
    assert odapi(workspace, "wait", "이어서").returncode == 0
    assert events(ours, "started", "train")[-1]["step"] == end
    assert events(ours, "restored", "train")[-1]["left_in_model"] == []

    # And back, in the run of the other.
    number = ours.checkpoints()[-1]
    for path in ours.root.glob(f"ckpt-{number}.*"):
        shutil.copy(path, real.root)
    shutil.copy(ours.checkpoint_state, real.root)
    assert odapi(workspace, "resume", "진짜", "--num-steps", str(end + 8)).returncode == 0
    assert odapi(workspace, "wait", "진짜").returncode == 0
    assert events(real, "started", "train")[-1]["step"] == end + 3
    assert saved_steps(real)[-1] == end + 8
    assert tensors(real, real.checkpoints()[-1]) == tensors(ours, number)


def tensors(run: RunDir, number: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The type and the shape of each tensor of a checkpoint."""
    found = read_index(run.root / f"ckpt-{number}").tensors
    return {key: (one.dtype, one.shape) for key, one in found.items()}
