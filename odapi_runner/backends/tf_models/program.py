"""The command lines of the user's program, by way of the launcher."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.backends.interpreter import interpreter
from odapi_runner.backends.tf_models.checkout import find_checkout
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.spec import RunSpec

_LAUNCHER = Path(__file__).parent  # by its __main__.py, in an interpreter without odapi
_MOST_AT_ONCE = 10  # steps between two looks at what is wanted; the program's own are 100


def launcher_argv(python: str, role: str, settings: Any, flags: Sequence[str] = ()) -> list[str]:
    """The launcher in an interpreter, with the flags of model_main_tf2."""
    return [python, str(_LAUNCHER), role, json.dumps(settings), "--", *flags]


def training_argv(run: RunDir, spec: RunSpec, start: int | None, messages: int) -> list[str]:
    """The trainer, which goes on from step `start`, or begins."""
    options = spec.options
    checkout = find_checkout(options.models_dir, options.python)
    loop = {}
    if checkout.has_keep:
        loop["checkpoint_max_to_keep"] = options.keep
    if checkout.has_exact_steps:
        loop["num_steps_per_iteration"] = steps_at_once(
            spec.num_steps - (start or 0), options.checkpoint_every
        )
    settings = {
        "research": str(checkout.research),
        "messages": messages,
        "start": start,
        "keep_every_hours": options.keep_every_hours,
        "loop": loop,
    }
    flags = [f"--num_train_steps={spec.num_steps}"]
    flags.append(f"--checkpoint_every_n={options.checkpoint_every}")
    return launcher_argv(interpreter(options), "train", settings, _flags(run, *flags))


def evaluation_argv(
    run: RunDir, spec: RunSpec, checkpoints: Sequence[int], boxes: Path, messages: int
) -> list[str]:
    """The evaluator of these checkpoints, or of what waits."""
    options = spec.options
    settings = {
        "research": str(find_checkout(options.models_dir, options.python).research),
        "messages": messages,
        "root": str(run.root),
        "pending": str(run.pending),
        "checkpoints": list(checkpoints),
        "groundtruth": str(run.groundtruth),
        "averages": read_pipeline(run.config).eval_config.use_moving_averages,
        "boxes": str(boxes),
    }
    flags = _flags(run, f"--checkpoint_dir={run.root}")
    return launcher_argv(interpreter(options), "eval", settings, flags)


def steps_at_once(steps: int, every: int) -> int:
    """The most steps of an iteration of which so many steps, and those a checkpoint, are whole."""
    common = math.gcd(max(steps, 0), every)
    return max(size for size in range(1, _MOST_AT_ONCE + 1) if common % size == 0)


def _flags(run: RunDir, *more: str) -> list[str]:
    return [f"--pipeline_config_path={run.config}", f"--model_dir={run.root}", *more]
