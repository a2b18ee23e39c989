"""What a supervisor is told of the engine `tf-models`: command lines, options, refusals."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from odapi_runner.backends.commit import read_commit
from odapi_runner.backends.interpreter import settle_python
from odapi_runner.backends.tf_models.checkout import (
    ask_surroundings,
    find_checkout,
    refuse_incomplete,
)
from odapi_runner.errors import RunError
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import spelled

TF_MODELS = "tf-models"
OPTIONS = frozenset(
    {
        "checkpoint_every",
        "keep",
        "keep_every_hours",
        "eval_backlog",
        "best",
        "early_stop",
        "on_oom",
        "retries",
        "eval_retries",
        "max_hours",
        "notify",
        "python",
        "models_dir",
    }
)
# Rules on what model_main_tf2 does where nobody gives its loop what it can take.
CURED = frozenset({"steps-hundred", "steps-unsaved"})

_PACKAGE = "odapi_runner.backends.tf_models"
_PYTHON = (sys.executable, "-P", "-m")
_STEPS_OF_A_LOOP = 100
_KEPT = 7


def trainer_argv(run: RunDir, *, options: RunOptions) -> list[str]:  # noqa: ARG001 - of run.json
    """The trainer's minder."""
    return [*_PYTHON, f"{_PACKAGE}.train", str(run.root)]


def evaluator_argv(
    run: RunDir,
    *,
    options: RunOptions,  # noqa: ARG001 - as any engine; of run.json
    checkpoints: Sequence[int] = (),
) -> list[str]:
    """The evaluator's minder: of everything pending, or of these checkpoints."""
    return [*_PYTHON, f"{_PACKAGE}.evaluate", str(run.root), *map(str, checkpoints)]


def settle(options: RunOptions) -> RunOptions:
    """With the checkout and the interpreter that are found.

    Raises:
        RunError: there is none, or it has not what the program imports.
    """
    options = settle_python(options)
    checkout = find_checkout(options.models_dir, options.python)
    refuse_incomplete(checkout, options.python)
    return dataclasses.replace(options, models_dir=str(checkout.research))


def read_versions(options: RunOptions) -> dict[str, str]:
    """Of the checkout, and of what runs it.

    Raises:
        RunError: there is no checkout, or the interpreter cannot be asked.
    """
    checkout = find_checkout(options.models_dir, options.python)
    found = ask_surroundings(options.python)
    told = {
        "tensorflow/models": read_commit(checkout.research) if checkout.is_clone else None,
        "tensorflow": found.tensorflow,
        "python of the engine": found.python,
    }
    return {name: version for name, version in told.items() if version}


def refuse_options(config: Any, options: RunOptions) -> None:
    """Refuse what this checkout's functions cannot be given.

    Raises:
        RunError: its loop has not the parameter for it, or no program of its time has.
    """
    checkout = find_checkout(options.models_dir, options.python)
    if options.keep != _KEPT and not checkout.has_keep:
        raise RunError(
            f"{checkout.package}: its train_loop has no checkpoint_max_to_keep, it keeps {_KEPT}",
            fix=f"Leave out {spelled('keep')}, or name a newer checkout.",
        )
    numbers = {"num_steps": config.train_config.num_steps}
    numbers[spelled("checkpoint_every")] = options.checkpoint_every
    for name, number in numbers.items():
        if number % _STEPS_OF_A_LOOP and not checkout.has_exact_steps:
            whole = -(-number // _STEPS_OF_A_LOOP) * _STEPS_OF_A_LOOP
            raise RunError(
                f"{checkout.package}: its train_loop has no num_steps_per_iteration, it makes "
                f"{_STEPS_OF_A_LOOP} steps at a time, and {name} is {number}",
                fix=f"Take {whole}, or name a newer checkout.",
            )
