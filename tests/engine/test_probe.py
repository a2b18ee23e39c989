"""Trying a batch: real steps in a process of its own, in as much memory as it may have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.backends.builtin import prober_argv
from odapi_runner.proto.text import render_pipeline
from odapi_runner.training import TrainerOptions
from support.ssd_configs import ssd_config


@pytest.mark.parametrize(("memory", "fits"), [(2 << 30, True), (60 << 20, False)])
def test_a_batch_fits_or_does_not(tmp_path: Path, memory: int, fits: bool) -> None:
    """In 2 GiB it makes its steps; in 60 MiB TensorFlow says that there is no more, or aborts."""
    config = tmp_path / "pipeline.config"
    message = ssd_config("ssd_mobilenet_v2", "image_size=128", "batch_size=2")
    config.write_text(render_pipeline(message), encoding="utf-8")
    done = subprocess.run(
        prober_argv(config, options=TrainerOptions(), memory=memory),
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if not fits and done.returncode == -signal.SIGABRT:
        return
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    if fits:
        assert 0 < answer["seconds"] < 60
        assert 20 << 20 < answer["peak"] < memory
    else:
        assert answer["failed"]["error"] == "OutOfMemoryError"
        assert answer["failed"]["what"] == (
            "the memory of the machine does not suffice for batches of 2 images"
        )
