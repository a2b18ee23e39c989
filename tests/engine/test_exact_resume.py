"""An interrupted training is the uninterrupted one: Adam, averages, dropout, augmentation."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from odapi_runner.engine.train import Options, train
from odapi_runner.formats.checkpoint_index import SLOT, read_index, read_tensor
from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import read_pipeline, render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.event_files import losses_of
from support.ssd_configs import ssd_config
from support.workspaces import make_workspace, write_config

OPTIONS = Options(checkpoint_every=2, keep=3, seed=3, log_every=1)
RESIZER = "model.ssd.image_resizer.fixed_shape_resizer"
ADAM = "train_config.optimizer.adam_optimizer"


def write_averaged_adam(workspace: Workspace) -> Path:
    """Four steps of SSD MobileNet V1 at 96 px; the rate is too small to grow differences."""
    path = write_config(workspace, "num_steps=4")
    config = read_pipeline(path)
    network = ssd_config(
        "ssd_mobilenet_v2",
        "model.ssd.feature_extractor.type=ssd_mobilenet_v1_keras",
        f"{RESIZER}.height=96",
        f"{RESIZER}.width=96",
        "model.ssd.feature_extractor.depth_multiplier=0.25",
        "model.ssd.box_predictor.convolutional_box_predictor.use_dropout=true",
    )
    network.model.ssd.num_classes = config.model.ssd.num_classes
    config.model.CopyFrom(network.model)
    config.train_config.optimizer.Clear()
    rate = f"{ADAM}.learning_rate.exponential_decay_learning_rate"
    changes = (
        f"{rate}.initial_learning_rate=1e-4",
        f"{rate}.decay_steps=2",
        f"{rate}.decay_factor=0.5",
        "train_config.gradient_clipping_by_norm=1",
        "train_config.freeze_variables=[^conv1/]",
        "eval_config.use_moving_averages=true",
    )
    message = apply_changes(config, Changes(changes)).message
    path.write_text(render_pipeline(message), encoding="utf-8")
    return path


def test_from_the_middle_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the checkpoint of step 2 on: each loss, and at the end each weight, slot and average."""
    workspace = make_workspace(tmp_path, images=6)
    config = write_averaged_adam(workspace)
    monkeypatch.chdir(workspace.root)
    whole, rest = RunDir(tmp_path / "whole"), RunDir(tmp_path / "rest")
    train(config, whole, OPTIONS)
    rest.root.mkdir()
    for path in whole.root.glob("ckpt-2.*"):
        shutil.copy(path, rest.root)
    train(config, rest, OPTIONS)

    losses, resumed = losses_of(whole), losses_of(rest)
    assert [event["step"] for event in read_events(rest) if event["kind"] == "started"] == [2]
    assert (sorted(losses), sorted(resumed)) == ([1, 2, 3, 4], [3, 4])
    for step, values in resumed.items():
        for tag in values.keys() - {"steps_per_sec"}:
            assert values[tag] == pytest.approx(losses[step][tag], rel=1e-5), (step, tag)
    indices = [read_index(run.root / "ckpt-3") for run in (whole, rest)]
    keys = [key for key, entry in indices[0].tensors.items() if entry.dtype == "float32"]
    assert list(indices[0].tensors) == list(indices[1].tensors)
    for key in keys:
        ours, expected = (read_tensor(index, key) for index in indices)
        assert np.allclose(ours, expected, rtol=1e-4, atol=1e-6), key
    # The first kernel is frozen: an average, and neither m nor v.
    frozen = f"model/_feature_extractor/classification_backbone/layer_with_weights-0/kernel{SLOT}"
    assert [key for key in keys if key.startswith(frozen)] == [
        f"{frozen}optimizer/average/.ATTRIBUTES/VARIABLE_VALUE"
    ]
    assert "1 variables are not trained, as train_config says" in capfd.readouterr().out
