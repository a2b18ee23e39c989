"""Which shims the user's checkout needs, for `odapi doctor`."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from odapi_runner.backends.interpreter import interpreter
from odapi_runner.backends.tf_models.checkout import find_checkout
from odapi_runner.backends.tf_models.program import launcher_argv
from odapi_runner.errors import RunError
from odapi_runner.runs.child import QUIET
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.options import RunOptions

_SECONDS = 120


@dataclass(frozen=True, slots=True)
class ShimState:
    """One of them."""

    name: str
    symptom: str  # what is seen without it
    needed: bool  # by this checkout on this TensorFlow; it is applied then


def list_shims(models_dir: str | None = None, python: str | None = None) -> list[ShimState]:
    """All shims, in order; TensorFlow is imported for it, in another process.

    Args:
        models_dir: the checkout, as of `--models-dir`.
        python: the interpreter, as of `--python`.

    Raises:
        RunError: there is no checkout, or the interpreter cannot import its TensorFlow.
    """
    checkout = find_checkout(models_dir, python)
    program = interpreter(RunOptions(python=python))
    argv = launcher_argv(program, "list", {"research": str(checkout.research)})
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=True,
            env=os.environ | QUIET | HIDDEN,
        )
        return [ShimState(**item) for item in json.loads(done.stdout.splitlines()[-1])]
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or [str(error)]
        raise RunError(
            f"{program}: it cannot run {checkout.package} ({last[0]})",
            fix=f"See what it says: {program} -c 'import tensorflow'",
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"{program}: {error}", fix="As in: --python ENV/bin/python") from error
