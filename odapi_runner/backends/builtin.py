"""The embedded engine: the command lines of its two processes, and what it cannot honour."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.rundir import RunDir

_PYTHON = (sys.executable, "-P", "-m")  # -P: a workspace's own files are no modules of the engine


def trainer_argv(run: RunDir, *, checkpoint_every: int, keep: int, seed: int) -> list[str]:
    """The trainer: goes on from the newest checkpoint of the run folder, if there is one."""
    numbers = {"--checkpoint-every": checkpoint_every, "--keep": keep, "--seed": seed}
    options = [word for option, value in numbers.items() for word in (option, str(value))]
    return [*_PYTHON, "odapi_runner.engine.train", *_run_options(run), *options]


def evaluator_argv(run: RunDir, *, checkpoints: Sequence[int] = ()) -> list[str]:
    """The evaluator of everything pending, until the queue is closed; or of these checkpoints."""
    chosen = [word for number in checkpoints for word in ("--checkpoint", str(number))]
    return [*_PYTHON, "odapi_runner.engine.evaluate", *_run_options(run), *chosen]


def check(config: Any) -> list[Finding]:
    """The fields of a TrainEvalPipelineConfig that the engine refuses; TensorFlow stays out."""
    from odapi_runner.engine.read_config import refused

    return [
        Finding("engine", "error", item.path, item.reason, item.fix) for item in refused(config)
    ]


def _run_options(run: RunDir) -> list[str]:
    return ["--config", str(run.config), "--run-dir", str(run.root)]
