"""A run folder as `odapi train` writes it, and supervisors of an engine without a network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.spec import Digests, RunSpec

# Enough for what changes a batch.
CONFIG = """\
train_config {
  batch_size: 8
  num_steps: 6
  optimizer { momentum_optimizer { learning_rate { cosine_decay_learning_rate {
    learning_rate_base: 0.08 total_steps: 6 warmup_learning_rate: 0.02 warmup_steps: 2 } } } }
}
"""
FAKE_ENGINE = Path(__file__).parent / "fake_engine.py"


def build_spec(name: str, *, num_steps: int = 6, **options: object) -> RunSpec:
    """A run.json with sane values."""
    return RunSpec(
        name=name,
        created="2026-01-02T03:04:05+09:00",
        command=("odapi", "train", name),
        engine="builtin",
        device="none",
        environment={"CUDA_VISIBLE_DEVICES": "-1"},
        num_steps=num_steps,
        overrides=(),
        options=RunOptions(**options),
        versions={"odapi": "0.1.0"},
        digests=Digests("c", {}, {}),
    )


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunDir]:
    """Make a run folder in a workspace whose path has a space and Korean letters."""

    def make(name: str = "신호등-d0", **options: object) -> RunDir:
        run = RunDir(tmp_path / "작업 공간" / "train" / name)
        run.root.mkdir(parents=True)
        build_spec(name, **options).dump(run)
        run.config.write_text(CONFIG, encoding="utf-8")
        return run

    return make


@pytest.fixture
def notified(tmp_path: Path) -> tuple[str, Callable[[], list[list[str]]]]:
    """A program for `--notify`, and what it was told each time it was called."""
    program, out = tmp_path / "알림.sh", tmp_path / "told"
    program.write_text(f"""#!/bin/sh\nprintf '%s\\n' "$@" >> '{out}'\n""", encoding="utf-8")
    program.chmod(0o755)

    def read() -> list[list[str]]:
        lines = out.read_text("utf-8").splitlines() if out.exists() else []
        return [lines[at : at + 3] for at in range(0, len(lines), 3)]

    return f"'{program}'", read


@pytest.fixture
def supervised() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a supervisor: of the run, with arguments of the fake trainer and evaluator."""
    started: list[subprocess.Popen[bytes]] = []

    def start(run: RunDir, train: str, evaluate: str = "") -> subprocess.Popen[bytes]:
        argv = [sys.executable, FAKE_ENGINE, "supervise", run.root]
        with run.log("supervise").open("ab") as log:
            process = subprocess.Popen(
                [*argv, *train.split(), "--", *evaluate.split()],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
