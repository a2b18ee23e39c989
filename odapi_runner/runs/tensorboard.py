"""TensorBoard on the event files of runs, each under the name of its run."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from odapi_runner.rundir import RunDir
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.lifeline import tied


@contextmanager
def tensorboard(
    runs: Sequence[RunDir] | Path, *, host: str | None = None, port: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """TensorBoard, while the block lasts; it says on stderr where it is to be found.

    A run has two curves there, RUN/train and RUN/eval.

    Args:
        runs: these; or all that are, and will be, below a folder.
        host: the address that it listens to, `localhost` by default.
        port: its port; by default 6006 or the next that is free.
    """
    if isinstance(runs, Path):
        with _started(runs, host, port) as process:
            yield process
        return
    with tempfile.TemporaryDirectory(prefix="odapi-tensorboard-") as made:
        link_runs(runs, Path(made))
        with _started(Path(made), host, port) as process:
            yield process


def link_runs(runs: Sequence[RunDir], folder: Path) -> None:
    """Link each run into a folder by its name; of equal names the others are NAME-2, …."""
    for run in runs:
        names = itertools.chain([run.name], (f"{run.name}-{n}" for n in itertools.count(2)))
        name = next(name for name in names if not (folder / name).is_symlink())
        (folder / name).symlink_to(run.root.resolve(), target_is_directory=True)


@contextmanager
def _started(folder: Path, host: str | None, port: int | None) -> Iterator[subprocess.Popen[bytes]]:
    quiet = ["-W", "ignore:pkg_resources is deprecated"]  # nothing that a user could change
    argv = [sys.executable, "-P", *quiet, "-m", "tensorboard.main", "--logdir", str(folder)]
    argv += [] if host is None else ["--host", host]
    argv += [] if port is None else ["--port", str(port)]
    # Of TensorFlow it needs the files only.
    environment = os.environ | HIDDEN | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(tied(argv), stdin=subprocess.DEVNULL, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
