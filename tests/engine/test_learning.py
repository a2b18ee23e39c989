"""The engine learns: a shorter proof than a whole training."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.engine.input import training_batches
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.engine.ssd.losses import CLASSIFICATION, LOCALIZATION
from odapi_runner.engine.trainer import Trainer
from odapi_runner.proto.text import read_pipeline
from support.workspaces import make_workspace, write_config


def test_the_loss_on_one_fixed_batch_falls_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seventy steps on the same two street scenes: what is wrong more than halves."""
    workspace = make_workspace(tmp_path)
    monkeypatch.chdir(workspace.root)
    config = write_config(workspace, "num_steps=70", "learning_rate=0.3")
    spec = build_spec(read_pipeline(config))
    trainer = Trainer(spec)
    source = Source(Records(spec.train_input, workspace.root, seed=0))
    batches = training_batches(
        spec, source, seed=0, draws=trainer.detector.draws_per_example, first_step=0, last_step=1
    )
    batch = next(iter(batches))
    trainer.compile(batches.element_spec)

    wrong = []
    for _ in range(70):
        losses = trainer.train_step(batch)
        wrong.append(float(losses[CLASSIFICATION] + losses[LOCALIZATION]))

    assert wrong[-1] < 0.5 * wrong[0]
