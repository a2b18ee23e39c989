"""A run that is killed at random moments: nothing is lost, nothing counts twice, nobody is left.

`make torture` does the same to a real training, as often as one likes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torture.harness import Torture
from torture.truths import find_faults

from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.status import processes
from support.small_runs import FAKE_ENGINE

KILLS = 6


@pytest.fixture
def resume(make_run: Callable[..., RunDir]) -> Callable[..., None]:
    """`odapi resume` with an engine that trains to a step, and evaluates in some time."""

    def start(run: RunDir, steps: int) -> None:
        words = [str(steps), "5", "0.03", "--", "--seconds", "0.1"]
        argv = [sys.executable, FAKE_ENGINE, "resume", run.root, *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return start


def test_six_kills(
    make_run: Callable[..., RunDir], resume: Callable[..., None], tmp_path: Path
) -> None:
    """Of supervisor, trainer, evaluator or all; then it is done, and each step has its row."""
    run = make_run(num_steps=100_000)

    def stop() -> None:
        if processes(run):
            stop_run(run)

    torture = Torture(
        run, lambda: resume(run, 100_000), stop, seed=1, start_seconds=1.0, step_seconds=0.7
    )
    try:
        results = torture.go_on(KILLS, tmp_path / "log.jsonl")
    finally:
        stop()

    assert [result.faults for result in results] == [()] * KILLS
    assert {len(result.killed) for result in results} > {1}
    last = run.checkpoints()[-1]
    resume(run, 1)  # nothing is left to train
    assert wait_for(run).state == "done"
    assert run.checkpoints()[-1] == last
    assert find_faults(run, finished=True) == []
