"""Asking an engine's process one thing: its last line of output is the answer, in JSON."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, DataError, OdapiError, RunError
from odapi_runner.runs.child import QUIET
from odapi_runner.runs.lifeline import tied

_ERRORS = {kind.__name__: kind for kind in (ConfigError, DataError, RunError)}


def ask(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str]
) -> tuple[int, dict[str, Any], str]:
    """Start a process that ends with this one, and wait for its answer.

    Args:
        argv: the program and its arguments.
        cwd: its current folder.
        environment: variables to set beside those of this process.

    Returns:
        The exit code, as of subprocess; the answer, empty where there was none; stderr.
    """
    done = subprocess.run(
        tied(argv),
        cwd=cwd,
        env=os.environ | QUIET | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stdout.splitlines()
    try:
        answer = json.loads(lines[-1]) if lines and not done.returncode else {}
    except json.JSONDecodeError:
        answer = {}
    return done.returncode, answer, done.stderr


def failure(answer: Mapping[str, Any]) -> OdapiError:
    """The error of the user's that an answer tells of."""
    failed = answer["failed"]
    return _ERRORS.get(failed["error"], OdapiError)(failed["what"], fix=failed["fix"])
