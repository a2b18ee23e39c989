"""Runs that an engine without a network makes: tests/runs/fake_engine.py."""

from __future__ import annotations

from pathlib import Path

FAKE_ENGINE = Path(__file__).parent.parent / "runs" / "fake_engine.py"
# On images as small as these the usual anchors are too large for what is drawn.
ANCHORS = "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale=2"
SETTINGS = ("image_size=128", "batch_size=2", "num_steps=4", ANCHORS)
SCRATCH = ("train_config.fine_tune_checkpoint", "train_config.fine_tune_checkpoint_type")
