"""`odapi logs -f` beside a run that lives: real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import read_status

MakeRun = Callable[..., RunDir]


@pytest.mark.process
def test_both_logs_are_followed_until_the_run_has_ended(make_run: MakeRun, supervised: Any) -> None:
    """What is printed meanwhile is shown behind the name of its log, and the command ends."""
    run = make_run(num_steps=40)
    supervisor = supervised(run, "40 20 0.05")
    assert wait_until(lambda: read_status(run).is_live, 60)
    workspace = str(run.root.parent.parent)
    argv = [sys.executable, "-m", "odapi_runner", "logs", run.name, "-f", "-w", workspace]
    following = subprocess.Popen(argv, stdout=subprocess.PIPE, encoding="utf-8")
    with run.log("train").open("a", encoding="utf-8") as log:
        log.write("Step 20, 한 걸음\n")
    with run.log("eval").open("a", encoding="utf-8") as log:
        log.write("mAP 0.5\n")
    supervisor.wait(60)
    shown, _ = following.communicate(timeout=60)

    assert following.returncode == 0
    assert {"train │ Step 20, 한 걸음", "eval  │ mAP 0.5"} <= set(shown.splitlines())
    assert read_status(run).state == "done"
