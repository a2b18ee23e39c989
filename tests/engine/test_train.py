"""The training process: what it leaves behind, how it ends, how it goes on."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import read_step
from odapi_runner.engine.train import Options, train
from odapi_runner.errors import ConfigError, DataError, RunError
from odapi_runner.formats.example import decode_example, encode_example
from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.formats.tfrecord import RecordWriter, read_records
from odapi_runner.report.logs import parse_log
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.event_files import losses_of
from support.workspaces import make_workspace, write_config

STEPS = 6
OPTIONS = Options(checkpoint_every=2, keep=3, seed=3, log_every=1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One dataset for all trainings of this file."""
    return make_workspace(tmp_path_factory.mktemp("작업"))


@pytest.fixture(scope="module")
def config(workspace: Workspace) -> Path:
    """Six steps with a decaying rate and augmentation."""
    return write_config(workspace, f"num_steps={STEPS}")


@pytest.fixture(autouse=True)
def _in_the_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)


@pytest.fixture(scope="module")
def uninterrupted(
    workspace: Workspace, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunDir, dict[int, dict[str, float]]]:
    """A training in one go: its folder, and the losses of each step."""
    run = RunDir(tmp_path_factory.mktemp("run"))
    run.pending.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        train(config, run, OPTIONS)
    return run, losses_of(run)


def test_checkpoints_come_at_the_start_every_so_often_and_at_the_end(
    uninterrupted: tuple[RunDir, Any],
) -> None:
    """Steps 0, 2, 4 and 6; the three newest stay, and all were handed to the evaluator."""
    run, _ = uninterrupted
    saved = [
        (event["number"], event["step"])
        for event in read_events(run)
        if event["kind"] == "checkpoint"
    ]

    assert saved == [(1, 0), (2, 2), (3, 4), (4, 6)]
    assert run.checkpoints() == [2, 3, 4]
    assert run.pending_checkpoints() == [1, 2, 3, 4]
    assert read_step(str(run.pending / "ckpt-1")) == 0
    assert tf.train.latest_checkpoint(str(run.root)) == str(run.root / "ckpt-4")


def test_events_tell_the_course_and_the_heartbeat_the_end(
    uninterrupted: tuple[RunDir, Any],
) -> None:
    """Started, a first step, what the data held, finished; the progress: nothing is left to do."""
    run, _ = uninterrupted
    kinds = [event["kind"] for event in read_events(run) if event["kind"] != "checkpoint"]
    progress = read_progress(run, "train")

    assert kinds == ["started", "first_step", "data", "finished"]
    events = {event["kind"]: event for event in read_events(run)}
    assert events["data"]["images"] == 8
    assert events["data"]["left_out"] == {}
    assert events["data"]["bad_images"] == []
    assert 0 <= events["finished"]["input_wait"] < 1
    assert progress is not None
    assert (progress["phase"], progress["step"], progress["num_steps"]) == ("done", STEPS, STEPS)
    assert progress["images"] == 2 * STEPS


def test_event_files_have_the_tags_of_the_object_detection_api(
    uninterrupted: tuple[RunDir, dict[int, dict[str, float]]],
) -> None:
    """Losses, rate and speed at each logged step; the total is the sum of the others."""
    _, losses = uninterrupted

    assert sorted(losses) == [1, 2, 3, 4, 5, 6]
    for values in losses.values():
        parts = [values[f"Loss/{name}_loss"] for name in (
            "classification", "localization", "regularization"
        )]  # fmt: skip
        assert values["Loss/total_loss"] == pytest.approx(sum(parts), rel=1e-5)
        assert {"learning_rate", "steps_per_sec"} <= values.keys()
    # The rate logged is that of the step to come; after the last one the cosine has reached 0.
    assert losses[STEPS]["learning_rate"] == pytest.approx(0.0, abs=1e-9)


def test_a_stopped_training_goes_on_with_the_same_losses(
    uninterrupted: tuple[RunDir, dict[int, dict[str, float]]], config: Path, tmp_path: Path
) -> None:
    """Three steps, then the other three in a new call: step by step the uninterrupted losses.

    Augmentation and stochastic depth are on. Sums of many threads differ in their last bits.
    """
    _, expected = uninterrupted
    run = RunDir(tmp_path)
    train(config, run, OPTIONS, num_steps=3)
    train(config, run, OPTIONS)
    started = [event for event in read_events(run) if event["kind"] == "started"]

    found = losses_of(run)
    assert [(event["step"], event["resumed"]) for event in started] == [(0, False), (3, True)]
    for step in range(1, STEPS + 1):
        for tag in ("Loss/classification_loss", "Loss/localization_loss", "learning_rate"):
            assert found[step][tag] == pytest.approx(expected[step][tag], rel=2e-3, abs=1e-6), step


@pytest.mark.long
def test_an_accumulated_training_goes_on_with_the_same_losses(config: Path, tmp_path: Path) -> None:
    """Two batches of two a step: twice the images, none of them twice, and none left out."""
    options = dataclasses.replace(OPTIONS, accumulate=2)
    whole, parts = RunDir(tmp_path / "whole"), RunDir(tmp_path / "parts")
    train(config, whole, options, num_steps=2)
    for steps in (1, 2):
        train(config, parts, options, num_steps=steps)

    progress = read_progress(whole, "train")
    assert progress is not None
    assert progress["images"] == 2 * 2 * 2
    expected, found = losses_of(whole), losses_of(parts)
    for step in (1, 2):
        for tag in ("Loss/classification_loss", "Loss/localization_loss"):
            assert found[step][tag] == pytest.approx(expected[step][tag], rel=2e-3, abs=1e-6), step


def test_a_finished_training_adds_nothing(
    config: Path, uninterrupted: tuple[RunDir, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """Started once more, it says where it stands and ends."""
    run, _ = uninterrupted
    train(config, run, OPTIONS)
    assert f"Training finished at step {STEPS}" in capfd.readouterr().out


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A rate beyond all measure: an error that says at which step, and the last good checkpoint."""
    config = write_config(workspace, "learning_rate=1e9", "num_steps=50", name="wild")
    run = RunDir(tmp_path)

    with pytest.raises(RunError, match=r"the loss of step \d+ is not finite") as error:
        train(config, run, Options(log_every=1, checkpoint_every=1000))

    assert "the last checkpoint is of step 0" in error.value.what
    assert "learning rate" in error.value.fix
    assert read_events(run)[-1]["kind"] == "failed"
    assert run.checkpoints() == [1]
    rows = parse_log(capfd.readouterr().out.splitlines()).train
    assert all(math.isfinite(row.values["Loss/total_loss"]) for row in rows)


@pytest.fixture(scope="module")
def with_bad_image(workspace: Workspace) -> Path:
    """A config for records of which number 1 has no image."""
    records = [decode_example(data) for data in read_records(first_shard(workspace))]
    broken = workspace.root / "broken.record"
    with RecordWriter(broken) as writer:
        for number, example in enumerate(records):
            image = b"\x89PNG\r\n\x1a\n" if number == 1 else example.encoded
            writer.write(encode_example(dataclasses.replace(example, encoded=image)))
    return write_config(workspace, f"train_records={broken}", "num_steps=4", name="broken")


def test_an_image_that_cannot_be_decoded_is_named_and_left_out(
    with_bad_image: Path, workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once in the log and once among the events, however often its turn comes."""
    run = RunDir(tmp_path / "run")
    train(with_bad_image, run, Options(log_every=1, max_bad_images=0.5))

    (event,) = [event for event in read_events(run) if event["kind"] == "bad_image"]
    where = f"{workspace.root / 'broken.record'}: record 1"
    assert event["where"] == where
    log = capfd.readouterr().out
    assert log.count(f"Warning: {where}") == 1
    assert "images left out: 1 that cannot be decoded" in log
    assert run.checkpoints()


def test_a_larger_share_of_such_images_ends_the_training(
    with_bad_image: Path, workspace: Workspace, tmp_path: Path
) -> None:
    """The sentence names file and record; TensorFlow's own does not."""
    with pytest.raises(DataError) as error:
        train(with_bad_image, RunDir(tmp_path / "run"), OPTIONS)

    where = f"{workspace.root / 'broken.record'}: record 1"
    assert error.value.what.startswith(f"{where}: its image cannot be decoded; 1 of ")
    assert read_events(RunDir(tmp_path / "run"))[-1]["kind"] == "failed"


def first_shard(workspace: Workspace) -> Path:
    return workspace.data / "kitti" / "train-00000-of-00002.record"


def test_training_without_an_end_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """num_steps 0 means forever in the language, and nobody means it."""
    config = write_config(workspace, "train_config.num_steps=0", name="endless")

    with pytest.raises(ConfigError, match="num_steps is 0"):
        train(config, RunDir(tmp_path), OPTIONS)
