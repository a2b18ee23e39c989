"""`odapi train --batch`: a number, or the largest that fits."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from odapi_runner import backends
from odapi_runner.cli import main
from odapi_runner.formats.tfrecord import index_records
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.batch_size import Try, plan_with_batch
from odapi_runner.runs.plan import plan_training
from odapi_runner.workspace import Workspace
from support.small_runs import FAKE_ENGINE


def let_fit(monkeypatch: pytest.MonkeyPatch, fits: int, how: str = "told") -> None:
    """Let the engine that only pretends have memory for so many images."""

    def argv(config: Path, **_: Any) -> list[str]:
        words = ["probe", str(config), str(fits), "--how", how]
        return [sys.executable, str(FAKE_ENGINE), *words]

    fake = dataclasses.replace(backends.ENGINES["builtin"], prober_argv=argv)
    monkeypatch.setitem(backends.ENGINES, "builtin", fake)


def odapi_train(*words: str) -> Result:
    return CliRunner().invoke(main, ["train", "--foreground", *words], catch_exceptions=False)


def overrides(run: RunDir) -> list[str]:
    value: list[str] = json.loads(run.run_json.read_text("utf-8"))["overrides"]
    return value


@pytest.mark.parametrize("how", ["told", "aborted"])
def test_the_largest_batch_becomes_an_override(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Tried from the config's 2 on; each try is told; the rate follows the batch, as with -s."""
    let_fit(monkeypatch, 5, how)
    result = odapi_train("--batch", "auto")

    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if line.startswith("batch ")] == [
        "batch 2: 20 images/s, 1024 MiB",
        "batch 4: 20 images/s, 2048 MiB",
        "batch 8: does not fit",
        "batch 6: does not fit",
        "batch 5: 20 images/s, 2560 MiB",
    ]
    run = RunDir(workspace.train / "kitti-d0")
    assert overrides(run)[-1] == "batch_size=5"
    assert read_pipeline(run.config).train_config.batch_size == 5
    assert read_pipeline(rendered).train_config.batch_size == 2


@pytest.mark.parametrize(
    ("batch", "room"),
    [
        ("auto", r"\d+ MiB, three quarters of what is free: evaluator and input need some"),
        ("auto:500MB", "500 MiB"),
    ],
)
def test_what_is_tried_is_said_first(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch, batch: str, room: str
) -> None:
    """How much memory it may have, what of it counts, and what a try is."""
    let_fit(monkeypatch, 3)
    told = odapi_train("--batch", batch).stderr.splitlines()

    begun = told.index("batch 2: 20 images/s, 1024 MiB")
    assert re.fullmatch(f"Looking for the largest batch that fits into {room}", told[begun - 2])
    assert told[begun - 1] == (
        "Each try is the start of a training and a few real steps; "
        "what it claims counts, and that is more than the use shown here"
    )


def test_no_batch_is_larger_than_the_data(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image at most once, however many fit."""
    paths = sorted((workspace.data / "kitti").glob("train-*.record"))
    images = sum(len(index_records(path)) for path in paths)
    let_fit(monkeypatch, 1000)
    result = odapi_train("--batch", "auto")

    assert result.exit_code == 0, result.output
    assert overrides(RunDir(workspace.train / "kitti-d0"))[-1] == f"batch_size={images}"


def test_a_number_is_short_for_the_override(workspace: Workspace, rendered: Path) -> None:
    """Nothing is tried."""
    result = odapi_train("--batch", "6")

    assert result.exit_code == 0, result.output
    assert rendered.exists()
    assert overrides(RunDir(workspace.train / "kitti-d0")) == ["batch_size=6"]


@pytest.mark.parametrize(
    ("words", "fits", "how", "why"),
    [
        ([], 0, "told", "the memory does not suffice for batches of 1 image\n"),
        ([], 0, "broken", "trying batches of 2 failed: libcudnn.so.9: cannot open shared object"),
        (["--gpu", "auto"], 9, "told", "which GPU it will be is not known before the run starts"),
    ],
)
def test_nothing_is_made_where_nothing_was_found(
    workspace: Workspace,
    rendered: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    fits: int,
    how: str,
    why: str,
) -> None:
    """One sentence and a remedy; there is no run."""
    let_fit(monkeypatch, fits, how)
    result = odapi_train("--batch", "auto", *words)

    assert result.exit_code == 1
    assert f"Error: {why}" in result.stderr
    assert rendered.exists()
    assert not workspace.train.exists()


def test_a_word_that_is_neither(workspace: Workspace) -> None:
    """Wrong usage, before anything is read."""
    result = odapi_train("--batch", "viel")

    assert result.exit_code == 2
    assert '"viel" is neither a number of images nor auto.' in result.stderr
    assert not workspace.train.exists()


def test_a_plan_is_made_with_it(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `odapi.train(…, batch="auto")` does, from the config's 2 on; each try is handed over."""
    let_fit(monkeypatch, 3)
    tries: list[Try] = []
    planned = functools.partial(plan_training, config=rendered)
    plan = plan_with_batch(planned, ["num_steps=4"], "auto", on_try=tries.append)

    assert plan.overrides == ("num_steps=4", "batch_size=3")
    assert plan.message.train_config.batch_size == 3
    assert tries == [
        Try(2, fits=True, seconds=0.1, peak=1 << 30),
        Try(4, fits=False),
        Try(3, fits=True, seconds=0.15, peak=3 << 29),
    ]
    assert not workspace.train.exists()


def test_ctrl_c_while_batches_are_tried(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a run nor a process is left, and that is said."""
    code = "import os, time; os.kill(os.getppid(), 2); time.sleep(60)"

    def argv(config: Path, **_: Any) -> list[str]:
        return [sys.executable, "-c", code, str(config)]

    fake = dataclasses.replace(backends.ENGINES["builtin"], prober_argv=argv)
    monkeypatch.setitem(backends.ENGINES, "builtin", fake)
    result = odapi_train("--batch", "auto")

    assert result.exit_code == 130
    told = "Interrupted: no run was made, and nothing goes on"
    assert result.stderr.splitlines()[-1] == told
    assert not workspace.train.exists()
    left = [child.status() for child in psutil.Process().children()]
    assert set(left) <= {psutil.STATUS_ZOMBIE}
