"""`odapi resume` with changes: what it says, what it refuses, and what becomes of the run.

The engine is tests/runs/fake_engine.py; tests/runs/test_engine_runs.py has the real one.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs import gpus
from odapi_runner.runs.spec import RunSpec
from odapi_runner.workspace import Workspace
from support.detectors import write_d0
from support.small_runs import ANCHORS

NAME = "신호등 첫째"


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def resume(*words: str) -> Result:
    return odapi("resume", NAME, "--foreground", *words)


@pytest.fixture
def finished(
    workspace: Workspace, rendered: Path, tmp_path_factory: pytest.TempPathFactory
) -> RunDir:
    """A run trained to step 4, whose newest checkpoint is a whole detector; made once."""
    run, kept = RunDir(workspace.train / NAME), tmp_path_factory.getbasetemp() / "finished"
    if not kept.exists():
        done = odapi("train", "--run", NAME, "--gpu", "none", "--foreground")
        assert done.exit_code == 0, done.output
        write_d0(run.root / "ckpt-3", classes=3, step=4, summed=True)
        shutil.copytree(run.root, kept)
    elif not run.root.exists():
        shutil.copytree(kept, run.root)
    return run


def trainers(run: RunDir) -> list[dict[str, Any]]:
    told = read_events(run)
    return [event for event in told if event["role"] == "train" and event["kind"] == "started"]


def test_a_finished_run_goes_on_with_more_steps(finished: RunDir) -> None:
    """From its last checkpoint; the first config stays beside the revision, schedule included."""
    first = finished.config_of(1).read_text("utf-8")
    result = resume("--num-steps", "8")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"{NAME}: going on from step 4 (ckpt-3) to 8 as revision 2"
    assert lines[-1] == f"{NAME}: done, step 8 of 8, best mAP 0.0080 at 8"
    assert finished.revision() == 2
    assert finished.config_of(1).read_text("utf-8") == first
    train = read_pipeline(finished.config).train_config
    schedule = train.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert (train.num_steps, schedule.total_steps) == (8, 8)
    assert [event["resumed_from_step"] for event in trainers(finished)] == [0, 4]
    (revised,) = [event for event in read_events(finished) if event["kind"] == "revised"]
    assert (revised["why"], revised["overrides"]) == (
        "resumed with -s num_steps=8",
        ["num_steps=8"],
    )


def test_what_is_not_given_stays(finished: RunDir) -> None:
    """Options, device and config change apart from each other."""
    before = RunSpec.load(finished)
    words = [
        "--num-steps",
        "6",
        "-s",
        "batch_size=1",
        "-d",
        "eval_config.include_metrics_per_category",
    ]
    result = resume(*words, "--checkpoint-every", "3", "--gpu", "0", "--early-stop", "none")

    assert result.exit_code == 0, result.output
    spec = RunSpec.load(finished)
    assert (spec.overrides[-2:], spec.deletes) == (
        ("batch_size=1", "num_steps=6"),
        ("eval_config.include_metrics_per_category",),
    )
    assert spec.options.checkpoint_every == 3
    assert spec.options.seed == before.options.seed
    assert (before.device, spec.device) == ("none", "0")
    assert spec.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert spec.digests.records == before.digests.records
    assert spec.digests.config != before.digests.config
    assert trainers(finished)[-1]["batch"] == 1
    assert not read_pipeline(finished.config).eval_config.include_metrics_per_category
    assert "no NVIDIA GPU on this machine" in result.stderr
    (revised,) = [event for event in read_events(finished) if event["kind"] == "revised"]
    assert revised["why"] == (
        "resumed with -s batch_size=1 -s num_steps=6 "
        "-d eval_config.include_metrics_per_category --gpu 0 --checkpoint-every 3 --early-stop none"
    )


def test_a_run_that_has_finished_says_how_it_goes_on(finished: RunDir) -> None:
    """Without more steps there is nothing to do, whatever else is changed."""
    plain, changed = resume(), resume("--keep", "3")

    for result in (plain, changed):
        assert result.exit_code == 1
        assert "there is nothing to resume" in result.stderr
        assert f"Train on: odapi resume '{NAME}' --num-steps N" in result.stderr
    assert finished.revision() == 1


def test_fewer_steps_than_were_made_are_refused(finished: RunDir) -> None:
    """What was learned is not unlearned; another run may begin earlier."""
    result = resume("--num-steps", "3")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Error: {NAME}: ckpt-3 is of step 4, beyond 3",
        f"  From an earlier step into a new run: odapi train --from '{NAME}'@STEP",
    ]
    assert finished.revision() == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("train_records=data/none-*.record", "data/none-*.record"),
        ("model.ssd.feature_extractor.bifpn.num_filters=88", "num_filters is 64 there, 88 here"),
        ("eval_config.use_moving_averages=true", "eval_config.use_moving_averages"),
    ],
)
def test_what_cannot_go_on_is_refused_before_it_starts(
    finished: RunDir, change: str, what: str
) -> None:
    """As `odapi train` checks; and whether the checkpoint is of the changed model."""
    result = resume("--num-steps", "8", "-s", change)

    assert result.exit_code == 1
    assert what in result.stderr
    assert result.stdout == ""
    assert finished.revision() == 1
    assert len(trainers(finished)) == 1


def test_the_checkpoint_that_a_run_began_with_may_be_gone(finished: RunDir) -> None:
    """Nothing reads it any more."""
    start = 'train_config { fine_tune_checkpoint: "gone/ckpt-0"'
    text = finished.config.read_text("utf-8")
    finished.config.write_text(text.replace("train_config {", start), "utf-8")

    assert resume("--num-steps", "6").exit_code == 0


def test_an_error_that_was_let_pass_before_does_not_come_back(
    finished: RunDir, workspace: Workspace
) -> None:
    """The comment that let it pass was in the file that the run started from."""
    text = finished.config.read_text("utf-8")
    finished.config.write_text(text.replace("label_map.pbtxt", "none.pbtxt"), "utf-8")
    result = resume("--num-steps", "6")

    assert result.exit_code == 0, result.stderr


def test_a_warning_of_the_run_as_it_was_is_not_repeated(finished: RunDir) -> None:
    """It was told when the run was made; one of what is changed is told."""
    text = finished.config.read_text("utf-8")
    assert "anchor_scale: 2" in text
    finished.config.write_text(text.replace("anchor_scale: 2", "anchor_scale: 8"), "utf-8")
    assert "an anchor matches" in odapi("check", str(finished.config)).output
    same = resume("--num-steps", "6")
    assert same.exit_code == 0, same.output
    assert "an anchor matches" not in same.stderr

    other = resume("--num-steps", "8", "-s", ANCHORS.replace("=2", "=4"))
    assert "an anchor matches" in other.stderr


def test_what_other_devices_cannot_do_is_refused(
    finished: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing of the config is changed: the run was made for one."""
    there = [gpus.Gpu(index, "NVIDIA T4", 15 << 30) for index in range(3)]
    monkeypatch.setattr(gpus, "read_gpus", lambda: there)
    monkeypatch.setattr(gpus, "can_use_gpu", lambda: True)
    result = resume("--num-steps", "6", "--gpu", "0,1,2")

    assert result.exit_code == 1
    assert "a batch of 2 images cannot be shared equally by 3 devices" in result.stderr
    assert finished.revision() == 1


def test_a_metric_that_no_evaluation_has_is_refused(finished: RunDir) -> None:
    """As of a new run; one that they have is taken."""
    more = ("--num-steps", "6", "--early-stop")
    result = resume(*more, "KITTI_AP40/Tram (easy):patience=2")

    assert result.exit_code == 1
    what = 'Error: --early-stop: no evaluation of this config has a "KITTI_AP40/Tram (easy)"'
    assert result.stderr.splitlines()[0] == what
    assert finished.revision() == 1
    result = resume(*more, "KITTI_AP40/Car (easy):patience=2")
    assert result.exit_code == 0, result.output
    assert finished.revision() == 2


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--gpu", "0,0"], '"0,0" is neither numbers of GPUs'),
        (["--keep", "0"], "Invalid value for '--keep'"),
        (["--early-stop", "mAPP"], 'Did you mean "mAP" or "mAP_75" or "mAP_50"?\n'),
        (["-s", "batch_size"], '"batch_size" is not PATH=VALUE'),
    ],
)
def test_wrong_usage(finished: RunDir, words: list[str], what: str) -> None:
    """Exit 2, before anything is read."""
    result = resume(*words)

    assert result.exit_code == 2
    assert what in result.stderr


def test_a_refusal_leaves_the_run_free(finished: RunDir) -> None:
    """The lock is given back: the next command may take it."""
    assert resume("--num-steps", "8", "-s", "batch_sise=3").exit_code == 1
    assert resume("--num-steps", "6").exit_code == 0


def test_a_damaged_newest_checkpoint_is_not_gone_on_from(finished: RunDir) -> None:
    """What is said is what happens: the one before it."""
    write_d0(finished.root / "ckpt-2", classes=3, step=2, summed=True)
    shutil.rmtree(finished.detections)  # of which the fake engine's are empty
    data = finished.root / "ckpt-3.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    result = resume("--num-steps", "6")

    assert result.exit_code == 0, result.output
    assert "going on from step 2 (ckpt-2) to 6" in result.stdout
    assert trainers(finished)[-1]["resumed_from_step"] == 2
    assert json.loads((finished.root / "run.2.json").read_text("utf-8"))["num_steps"] == 6


def test_a_run_stopped_early_goes_on_when_it_is_told_to(
    workspace: Workspace, rendered: Path, finished: RunDir
) -> None:
    """Patience begins anew: what stopped it once does not stop it at once again."""
    rule = ["--early-stop", "loss_total:patience=1"]
    log = EventLog(finished, "supervise")
    log.write("ending", outcome="finished", what="stopped early: so it was")
    EventLog(finished, "train").write("stopped", step=4)
    log.write("finished", waiting=0, what="stopped early: so it was")
    plain = resume()

    assert plain.exit_code == 1
    assert plain.stderr.splitlines() == [
        f"Error: {NAME}: stopped early: so it was",
        (
            f"  Train on: odapi resume '{NAME}' --num-steps N, or without the rule: "
            f"odapi resume '{NAME}' --early-stop none"
        ),
    ]
    assert resume("--num-steps", "8", *rule).exit_code == 0
    assert RunSpec.load(finished).options.early_stop == "loss_total:patience=1"


def test_it_goes_on_in_the_queue(
    finished: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused, so that it waits; a free GPU is its own then. In the foreground nothing waits."""
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "state"))
    odapi("queue", "pause")
    assert resume("--queue", "--num-steps", "8").exit_code == 2
    result = odapi("resume", NAME, "--queue", "--num-steps", "8")

    assert result.exit_code == 0, result.output
    assert "going on from step 4 (ckpt-3) to 8 as revision 2" in result.stdout
    assert "The queue is paused" in result.stderr
    rows = json.loads(odapi("queue", "list", "--format", "json").stdout)
    assert [(row["run"], row["state"]) for row in rows] == [(NAME, "waiting")]
    again = odapi("resume", NAME, "--queue", "--num-steps", "9")
    assert again.exit_code == 1
    assert again.stderr.startswith(f"Error: {NAME}: in the queue already, at place 1\n")
    assert RunSpec.load(finished).num_steps == 8
    assert odapi("queue", "cancel", NAME).exit_code == 0


def test_a_damaged_newest_checkpoint_is_told(finished: RunDir) -> None:
    """By resume, before it goes on from the one before; later by status, with the revision."""
    os.truncate(finished.root / "ckpt-3.data-00000-of-00001", 3)
    result = resume("--num-steps", "8")

    (told,) = [line for line in result.stderr.splitlines() if "rejected/" in line]
    assert told.startswith("ckpt-3 of step 4: ")
    assert told.endswith("; it lies in rejected/ now")
    assert "(ckpt-3)" not in result.stdout
    shown = odapi("status", NAME).stdout
    assert f"  rejected: {told}\n" in shown
    assert "  revised: as revision 2: resumed with -s num_steps=8\n" in shown
    assert "  resumed: it had ended\n" in shown
