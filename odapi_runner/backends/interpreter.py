"""The interpreter of an engine that is a program of its own: `--python`, else odapi's."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

from odapi_runner.errors import RunError
from odapi_runner.runs.options import RunOptions


def interpreter(options: RunOptions) -> str:
    """The Python that runs the engine's processes."""
    return options.python or sys.executable


def trainer_environment(options: RunOptions) -> dict[str, str]:  # noqa: ARG001 - as any engine
    """Memory of a GPU as it is needed: these programs take all of it otherwise."""
    return {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def settle_python(options: RunOptions) -> RunOptions:
    """With the interpreter as an absolute path; links stay, since they make a venv's.

    Raises:
        RunError: there is no such program.
    """
    if options.python is None:
        return options
    typed = Path(options.python).expanduser()
    found = shutil.which(typed)  # of a name in PATH, or a path
    if found is None:
        inside = typed / "bin" / "python"
        usual = "As in: --python ENV/bin/python"
        raise RunError(
            f"--python {options.python}: there is no such program",
            fix=f"Did you mean {inside}?" if inside.is_file() else usual,
        )
    return dataclasses.replace(options, python=str(Path(found).absolute()))
