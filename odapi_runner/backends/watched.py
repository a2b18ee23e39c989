"""A training that odapi did not start, and watches: `odapi adopt` of a folder in use."""

from __future__ import annotations

import sys

from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions

WATCHED = "watched"
OPTIONS = frozenset(
    {"keep", "best", "eval_backlog", "eval_retries", "max_bad_images", "max_hours", "notify"}
)


def trainer_argv(run: RunDir, *, options: RunOptions) -> list[str]:  # noqa: ARG001 - as any engine
    """What stands in for the trainer: it takes over what that saves, until that has ended."""
    return [sys.executable, "-P", "-m", "odapi_runner.runs.watcher", str(run.root)]
