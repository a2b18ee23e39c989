"""The real TensorBoard on the folders of runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from odapi_runner.cli import main
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.tensorboard import link_runs, tensorboard
from odapi_runner.workspace import Workspace

MakeRun = Callable[..., RunDir]


def test_runs_are_linked_by_their_names(make_run: MakeRun, tmp_path: Path) -> None:
    """A second one of the same name, of another workspace, gets a number."""
    run = make_run("night run")
    other = RunDir(tmp_path / "other" / "train" / "night run")
    shutil.copytree(run.root, other.root)
    folder = tmp_path / "links"
    folder.mkdir()
    link_runs([run, other], folder)

    assert {path.name: path.resolve() for path in folder.iterdir()} == {
        "night run": run.root,
        "night run-2": other.root,
    }


def test_without_any_run_there_is_nothing_to_show(tmp_path: Path) -> None:
    """What to do is said; TensorBoard is not started."""
    strange = CliRunner().invoke(main, ["tensorboard", "-w", str(tmp_path)])
    assert strange.exit_code == 1
    assert f"{tmp_path} is no workspace: there is no odapi.toml" in strange.stderr

    Workspace(tmp_path).mark()
    result = CliRunner().invoke(main, ["tensorboard", "-w", str(tmp_path)])

    assert result.exit_code == 1
    assert "Start one: odapi train NAME" in result.stderr


def test_the_installed_tensorboard_can_begin() -> None:
    """Its plugins import: they need what newer versions of setuptools no longer have."""
    argv = [sys.executable, "-P", "-W", "ignore", "-c", "import tensorboard.default"]
    subprocess.run(argv, check=True)


@pytest.mark.long
def test_tensorboard_shows_the_curves_of_a_run(make_run: MakeRun) -> None:
    """As RUN/train and RUN/eval; it has ended and its links are gone when the block has."""
    import tensorflow as tf

    run = make_run()
    for folder in (run.train_events, run.eval_events):
        with tf.summary.create_file_writer(str(folder)).as_default(step=1):
            tf.summary.scalar("Loss/total_loss", 1.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    seen: list[str] = []

    def has_both() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/runs") as answer:
                seen[:] = sorted(json.load(answer))
        except (urllib.error.URLError, ConnectionError):
            return False
        return len(seen) == 2

    with tensorboard([run], host="127.0.0.1", port=port) as process:
        assert wait_until(has_both, 60), seen
        argv = Path(f"/proc/{process.pid}/cmdline").read_text("utf-8").split("\0")
        logdir = argv[argv.index("--logdir") + 1]

    assert seen == [f"{run.name}/eval", f"{run.name}/train"]
    assert process.returncode is not None
    assert not Path(logdir).exists()
