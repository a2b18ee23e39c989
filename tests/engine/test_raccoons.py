"""A whole training on real photographs, from scratch: the reference's own config."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.engine.evaluator import Evaluator
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.train import Options, train
from odapi_runner.proto.text import read_pipeline, render_pipeline
from odapi_runner.records.voc import convert_voc
from odapi_runner.rundir import RunDir


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_raccoons_are_found_after_600_steps(
    seed: int, reference: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least mAP 0.10 and mAP_50 0.35; one run of the Object Detection API had 0.172 and 0.473.

    A gradient that is not clipped makes some trainings of this config fail, here and there: the
    same code gave 0.052 to 0.167 over six trainings, the Object Detection API 0.145 to 0.172 over
    three.
    """
    folder = images / "raccoon"
    convert_voc(folder / "images", folder / "annotations", tmp_path / "data/raccoon", val_every=5)
    config = read_pipeline(reference / "runs" / "raccoon_efficientdet_d0_256.config")
    readers = (config.train_input_reader, config.eval_input_reader[0])
    for reader, split in zip(readers, ("train", "val"), strict=True):
        reader.tf_record_input_reader.input_path[0] = f"data/raccoon/{split}-*.record"
    path = tmp_path / "pipeline.config"
    path.write_text(render_pipeline(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = RunDir(tmp_path / "run")

    train(path, run, Options(seed=seed))

    evaluator = Evaluator(build_spec(config), tmp_path)
    newest = str(run.root / f"ckpt-{run.checkpoints()[-1]}")
    metrics = evaluator.evaluate(newest, lambda *_: None, lambda _: None).metrics
    assert metrics["DetectionBoxes_Precision/mAP"] >= 0.10
    assert metrics["DetectionBoxes_Precision/mAP@.50IOU"] >= 0.35
