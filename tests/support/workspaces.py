"""A small workspace with a converted dataset and a config, for trainings that take seconds."""

from __future__ import annotations

from pathlib import Path

from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.proto.text import render_pipeline
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.workspace import Workspace

SMALL = ("image_size=128", "batch_size=2", "learning_rate=0.02")


def make_workspace(root: Path, *, images: int = 10) -> Workspace:
    """Drawn street scenes, converted into `data/kitti`; a fifth of them for validation."""
    workspace = Workspace(root)
    workspace.mark()
    draw_streets(root / "KITTI", images=images, seed=0)
    convert_kitti(root / "KITTI", workspace.data / "kitti", shards=2)
    return workspace


def write_config(workspace: Workspace, *overrides: str, name: str = "small") -> Path:
    """`kitti-d0` from scratch at 128 px in batches of 2, changed; its path."""
    changes = Changes((*SMALL, *overrides))
    message = build_pipeline("kitti-d0", changes, workspace).message
    path = workspace.root / f"{name}.config"
    path.write_text(render_pipeline(without_fine_tuning(message)), encoding="utf-8")
    return path
