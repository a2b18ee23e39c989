"""A run with settings of every kind, a training and two evaluations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.compared import write_run

AUGMENTATIONS = """
  data_augmentation_options { random_horizontal_flip { } }
  data_augmentation_options { random_crop_image { min_area: 0.1 } }
"""
STEP = "INFO:tensorflow:Step {} per-step time 0.5s loss={}\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Its folder is called "내 실험"."""
    place = Workspace(tmp_path / "내 실험")
    folder = write_run(place.train / "a", {10: 0.25, 20: 0.5}, more=AUGMENTATIONS)
    run = RunDir(folder)
    asked = json.loads(run.run_json.read_text("utf-8"))
    asked |= {"name": "a", "created": "2026-01-02T03:04:05+09:00"}
    run.run_json.write_text(json.dumps(asked), "utf-8")
    run.log("train").write_text(STEP.format(10, "2.500") + STEP.format(20, "1.500"), "utf-8")
    return place
