"""Small configs of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.workspace import Workspace

HERE = Path(__file__).parent


def d0_config(*overrides: str) -> Any:
    """The config of the preset efficientdet-d0, changed."""
    return build_pipeline("efficientdet-d0", Changes(overrides), Workspace(HERE)).message


def small_spec(*overrides: str) -> Spec:
    """EfficientDet-D0 for 3 classes at 128 px in batches of 2, changed."""
    small = ("num_classes=3", "image_size=128", "batch_size=2")
    return build_spec(d0_config(*small, *overrides))
