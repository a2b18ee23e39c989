"""`odapi adopt`: a folder of model_main_tf2 becomes a run.

The evaluator is tests/runs/fake_engine.py; a small program by the name of model_main_tf2 stands for
the one that trains.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner import backends
from odapi_runner.cli import main
from odapi_runner.errors import DataError
from odapi_runner.formats.best import read_best
from odapi_runner.formats.detections import read_detections, read_metrics
from odapi_runner.formats.event_file import Event
from odapi_runner.formats.runlog import read_events
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.rundir import RunDir
from odapi_runner.runs import adopt as adopting
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import identify, is_alive, wait_until
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import read_status
from odapi_runner.runs.supervise import supervise
from odapi_runner.workspace import Workspace
from support.detectors import write_d0

MAP = "DetectionBoxes_Precision/mAP"
TRAINER = """
import sys, time
from pathlib import Path
sys.path[:0] = [{tests!r}]
from support.checkpoints import write_checkpoint
folder = Path(sys.argv[1].partition("=")[2])
for number in range(1, 5):
    aside = folder / "aside" / f"ckpt-{{number}}"
    write_checkpoint(aside, {{"w": (2,)}}, step=2 * number - 2)
    for end in ("data-00000-of-00001", "index"):
        aside.with_name(f"{{aside.name}}.{{end}}").replace(folder / f"ckpt-{{number}}.{{end}}")
    time.sleep(0.7)
"""


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def write_event_file(folder: Path, scores: dict[int, dict[str, float]]) -> Path:
    """What tf.summary.scalar writes, without TensorFlow: tests/formats has the real thing."""
    folder.mkdir(parents=True)
    path = folder / "events.out.tfevents.1600000000.host.1.0.v2"
    with RecordWriter(path) as writer:
        for step, values in scores.items():
            event = Event(step=step)
            for tag, value in values.items():
                one = event.summary.value.add(tag=tag)
                one.tensor.dtype = 1
                one.tensor.tensor_content = struct.pack("<f", value)
            writer.write(event.SerializeToString())
    return path


@pytest.fixture
def model_dir(workspace: Workspace, rendered: Path, tmp_path: Path) -> Path:
    """A training of 4 steps that has ended: three checkpoints, two of them evaluated."""
    folder = tmp_path / "옛 모델" / "내 d0"
    for number in (1, 2, 3):
        write_d0(folder / f"ckpt-{number}", classes=3, step=2 * number - 2, summed=True)
    shutil.copy(rendered, folder / "pipeline.config")
    write_event_file(folder / "train", {2: {"Loss/total_loss": 1.5}, 4: {"Loss/total_loss": 1.0}})
    evaluated = {2: {MAP: 0.5, "Loss/total_loss": 2.0, "other": 1.0}, 4: {MAP: 0.25}}
    evaluated[100] = {"Loss/total_loss": 2.0}  # not an evaluation
    write_event_file(folder / "eval" / "name", evaluated)
    return folder


def test_a_folder_becomes_a_run(model_dir: Path, workspace: Workspace) -> None:
    """With all that status, compare and train --from need; the folder stays as it is."""
    before = sorted(path.relative_to(model_dir) for path in model_dir.rglob("*"))
    result = odapi("adopt", str(model_dir))

    assert result.exit_code == 0, result.output
    assert result.stdout == "내 d0: trained to step 4 of 4, 3 checkpoints, 2 evaluations\n"
    assert sorted(path.relative_to(model_dir) for path in model_dir.rglob("*")) == before
    run = RunDir(workspace.train / "내 d0")
    status = read_status(run)
    assert (status.state, status.step, status.num_steps) == ("done", 4, 4)
    assert (status.last_score, status.best_score, status.best_step) == (0.25, 0.5, 2)
    assert run.checkpoints() == [1, 2, 3]
    assert '"ckpt-3"' in run.checkpoint_state.read_text("utf-8")
    best = read_best(run)
    assert best is not None
    assert (best.number, best.step) == (2, 2)
    assert read_metrics(run.detections_at(2)) == (2, {MAP: 0.5, "Loss/total_loss": 2.0})
    with pytest.raises(DataError, match="holds metrics alone"):
        read_detections(run.detections_at(2))
    assert next(run.train_events.glob("events*")).samefile(next(model_dir.glob("train/events*")))
    assert result.stderr.splitlines()[-2:] == [
        "  odapi eval '내 d0'   (evaluates the other checkpoint)",
        "  odapi status '내 d0'",
    ]
    spec = RunSpec.load(run)
    assert (spec.engine, spec.adopted) == ("builtin", str(model_dir))

    compared = json.loads(odapi("compare", "내 d0", "--format", "json").stdout)
    assert [row["mAP"] for row in compared] == [0.5]
    child = odapi("train", "--from", "내 d0@best", "--foreground")
    assert child.exit_code == 0, child.output
    assert RunSpec.load(RunDir(workspace.train / "내 d0-2")).parent == "내 d0"


def test_where_nothing_was_evaluated_there_are_no_others(
    model_dir: Path, workspace: Workspace
) -> None:
    """What `odapi eval` would do is said of what there is."""
    shutil.rmtree(model_dir / "eval")
    result = odapi("adopt", str(model_dir))

    assert result.exit_code == 0, result.output
    assert "  odapi eval '내 d0'   (evaluates its checkpoints)" in result.stderr.splitlines()


def test_an_adopted_run_goes_on(model_dir: Path, workspace: Workspace) -> None:
    """From its newest checkpoint, on odapi's engine; what was not evaluated there is here."""
    assert odapi("adopt", str(model_dir), "--run", "d0").exit_code == 0
    result = odapi("resume", "d0", "--num-steps", "6", "--foreground")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("d0: going on from step 4 (ckpt-3) to 6 as revision 2\n")
    run = RunDir(workspace.train / "d0")
    evaluated = [e["step"] for e in read_events(run) if e["kind"] == "evaluated"]
    assert sorted(evaluated) == [0, 2, 4, 6]


def test_a_folder_among_the_runs_becomes_one_where_it_is(
    model_dir: Path, workspace: Workspace
) -> None:
    """As those have it who train into train/NAME."""
    workspace.train.mkdir()
    folder = shutil.copytree(model_dir, workspace.train / "d0")
    config = (folder / "pipeline.config").read_text("utf-8")

    assert odapi("adopt", "train/d0").exit_code == 0
    run = RunDir(folder)
    assert read_status(run).state == "done"
    assert run.config.read_text("utf-8") == config
    assert [path.name for path in workspace.train.iterdir()] == ["d0"]
    again = odapi("adopt", "train/d0")
    assert again.exit_code == 1
    assert "train/d0: a run already\n  See it: odapi status d0" in again.stderr


def test_one_that_has_not_finished_is_stopped(model_dir: Path, workspace: Workspace) -> None:
    """The last step that it told counts; `resume` goes on."""
    for path in (model_dir / "ckpt-3.index", *model_dir.glob("train/events*")):
        path.unlink()
    result = odapi("adopt", str(model_dir), "-s", "num_steps=40")

    assert result.stdout == "내 d0: trained to step 2 of 40, 2 checkpoints, 2 evaluations\n"
    assert read_status(RunDir(workspace.train / "내 d0")).state == "stopped"


def test_what_it_began_with_may_be_gone(model_dir: Path, workspace: Workspace) -> None:
    """Nothing reads its fine-tune checkpoint again."""
    config = model_dir / "pipeline.config"
    gone = 'fine_tune_checkpoint: "zoo/d0/ckpt-0" fine_tune_checkpoint_type: "detection"'
    text = config.read_text("utf-8").replace("train_config {", f"train_config {{ {gone}", 1)
    config.write_text(text, "utf-8")
    result = odapi("adopt", str(model_dir))

    assert result.exit_code == 0
    assert "zoo/d0" not in result.stderr


def test_what_of_the_config_is_elsewhere_is_said(model_dir: Path, workspace: Workspace) -> None:
    """It is a run all the same; -s corrects it, here or with resume."""
    config = model_dir / "pipeline.config"
    text = config.read_text("utf-8").replace("data/kitti/train", "/content/drive/train")
    config.write_text(text, "utf-8")
    result = odapi("adopt", str(model_dir))

    assert result.exit_code == 0
    assert "/content/drive/train" in result.stderr
    refused = odapi("resume", "내 d0", "--num-steps", "6", "--foreground")
    assert refused.exit_code == 1
    assert "/content/drive/train" in refused.stderr
    corrected = ["-s", "train_records=data/kitti/train-*.record", "--num-steps", "6"]
    assert odapi("resume", "내 d0", *corrected, "--foreground").exit_code == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["none"], "none: there is no such folder"),
        (["data"], "data: there is no checkpoint of a training in it"),
        (["옛 모델"], "내 d0?"),
        (["옛 모델/내 d0"], "there is no pipeline.config in it\n  Name the one"),
        (["옛 모델/내 d0", "--config", "none.config"], "none.config: no such file"),
    ],
)
def test_what_cannot_be_adopted(
    model_dir: Path, workspace: Workspace, words: list[str], what: str
) -> None:
    """Two lines, and nothing is made."""
    (model_dir / "pipeline.config").unlink()
    (workspace.root / "옛 모델").symlink_to(model_dir.parent)
    result = odapi("adopt", *words)

    assert result.exit_code == 1
    assert what in result.stderr
    assert not workspace.train.exists()


@pytest.fixture
def in_training(model_dir: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A folder that another program trains into right now, with its first checkpoint there."""
    folder = model_dir.parent / "훈련 중"
    folder.mkdir()
    program = folder.parent / "model_main_tf2.py"
    program.write_text(TRAINER.format(tests=str(Path(__file__).parent.parent)), "utf-8")
    config = f"--pipeline_config_path={model_dir / 'pipeline.config'}"
    argv = [sys.executable, str(program), "--model_dir=훈련 중", config]
    process = subprocess.Popen(argv, cwd=folder.parent)
    assert wait_until((folder / "ckpt-1.index").exists, 60)
    yield folder, process
    process.kill()
    process.wait()


def test_one_in_training_is_watched(
    in_training: tuple[Path, subprocess.Popen[bytes]],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it saves is evaluated as it appears; its end is the end of the run."""
    folder, process = in_training
    # The supervisor of this test is this process: its evaluator is the fake engine's.
    monkeypatch.setattr(adopting, "start_supervisor", lambda _, lock: os.close(lock))
    result = odapi("adopt", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "훈련 중: in training to step 0 of 4, 1 checkpoint, 0 evaluations"
    )
    run = RunDir(workspace.train / "훈련 중")
    assert RunSpec.load(run).engine == "watched"

    backend = dataclasses.replace(
        backends.ENGINES["watched"], evaluator_argv=backends.ENGINES["builtin"].evaluator_argv
    )
    lock = take_lock(run)
    outcome = supervise(run, lock, backend)
    os.close(lock)

    assert process.poll() == 0
    assert outcome == "finished"
    told = [e for e in read_events(run) if e["kind"] in {"evaluated", "trainer_ended"}]
    assert [e["step"] for e in told if e["kind"] == "evaluated"] == [0, 2, 4, 6]
    assert told[0]["kind"] == "evaluated"  # while it was going on
    status = read_status(run)
    assert (status.state, status.step, status.waiting) == ("done", 6, 0)


def test_the_folder_of_a_living_training_is_not_trained_into(
    in_training: tuple[Path, subprocess.Popen[bytes]], workspace: Workspace
) -> None:
    """A run that odapi would go on with waits until the other program has ended."""
    folder, process = in_training
    assert is_alive(identify(process.pid))
    run = RunDir(workspace.train / "훈련 중")
    process.send_signal(19)  # SIGSTOP: it is alive, and does nothing
    shutil.copytree(folder, run.root)
    shutil.copy(folder.parent / "내 d0" / "pipeline.config", run.config)
    assert odapi("adopt", str(run.root)).exit_code == 0
    spec = RunSpec.load(run)
    dataclasses.replace(spec, adopted=str(folder)).dump(run)
    result = odapi("resume", "훈련 중", "--num-steps", "8")

    assert result.exit_code == 1
    assert f"is in training by process {process.pid}" in result.stderr
