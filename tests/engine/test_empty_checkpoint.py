"""The Object Detection API's first checkpoint of a training from scratch: it holds no weights.

`train_loop` saves at step 0, before the layers have made any variable: two numbers are in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from odapi_runner.engine.checkpoint import holds_model, numbered, read_step
from odapi_runner.engine.evaluate import EvaluationRun
from odapi_runner.engine.train import Options, train
from odapi_runner.formats.runlog import read_events
from odapi_runner.proto.text import render_pipeline
from odapi_runner.rundir import RunDir
from support.examples import annotated, write_records
from support.ssd_configs import ssd_config

RESIZER = "model.ssd.image_resizer.fixed_shape_resizer"
CONFIG = ssd_config("ssd_mobilenet_v2", f"{RESIZER}.height=64", f"{RESIZER}.width=64")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run whose only checkpoint is such a one, in a workspace of two images."""
    for name in ("train", "val"):
        write_records(tmp_path / f"{name}.record", [annotated("one"), annotated("two")])
    monkeypatch.chdir(tmp_path)
    run = RunDir(tmp_path / "run")
    step = tf.Variable(0, dtype=tf.int64)
    root = tf.train.Checkpoint(step=step)
    (tmp_path / "pipeline.config").write_text(render_pipeline(CONFIG), encoding="utf-8")
    path = tf.train.CheckpointManager(root, str(run.root), max_to_keep=7).save()
    assert (path, read_step(path), holds_model(path)) == (numbered(run.root, 1), 0, False)
    return run


def test_a_training_begins_anew(run: RunDir, tmp_path: Path) -> None:
    """With initial weights, and its first checkpoint in the place of the empty one."""
    train(tmp_path / "pipeline.config", run, Options(), num_steps=1)

    started = [event for event in read_events(run) if event["kind"] == "started"]
    assert [(event["step"], event["resumed"]) for event in started] == [(0, False)]
    assert run.checkpoints() == [1, 2]
    paths = [numbered(run.root, number) for number in (1, 2)]
    assert [(read_step(path), holds_model(path)) for path in paths] == [(0, True), (1, True)]


def test_an_evaluation_leaves_it_out(
    run: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says so, and the next checkpoint can come."""
    EvaluationRun(tmp_path / "pipeline.config", run).evaluate_checkpoint(run.root, 1)

    assert "ckpt-1 holds no weights, so there is nothing to evaluate" in capsys.readouterr().out
    assert not run.detections_at(0).exists()
