"""Contact sheets of augmentation, drawn by the engine in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from odapi_runner.runs.child import QUIET
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.lifeline import tied

# Even what TensorFlow calls an error, such as a machine without a GPU.
_SILENT = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def draw_contact_sheets(
    config: Path, records: Sequence[Path], out: Path, *, images: int, seed: int, root: Path
) -> subprocess.CompletedProcess[str]:
    """Draw them, and give back what the process said and how it ended.

    Args:
        config: of its augmentation.
        records: the files.
        out: the folder of the sheets.
        images: how many images are drawn.
        seed: of the training whose examples are shown.
        root: the workspace that the config's paths are relative to.

    Returns:
        The paths of the sheets a line each in `stdout`; on a `returncode` the reason in `stderr`.
    """
    options = ["--config", str(config.absolute()), "--out", str(out.absolute())]
    numbers = ["--images", str(images), "--seed", str(seed)]
    files = [str(path.absolute()) for path in records]
    program = [sys.executable, "-P", "-m", "odapi_runner.engine.contact_sheets"]
    return subprocess.run(
        tied([*program, *options, *numbers, *files]),
        cwd=root,
        env={**os.environ, **QUIET, **HIDDEN, **_SILENT},
        capture_output=True,
        text=True,
        check=False,
    )
