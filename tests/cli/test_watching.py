"""The table of `status --watch`, and the curves in it."""

from __future__ import annotations

import dataclasses
import io
import math
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from odapi_runner.cli.sparkline import sparkline
from odapi_runner.cli.watching import render_runs
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.status import RunStatus
from odapi_runner.runs.watch import Watched

GPU = GpuLoad(0, "RTX 3060 Ti", 8 << 30, 7 << 30, 97)


def watched(name: str, state: str = "done", **known: object) -> Watched:
    """A run that has ended without a word, but for what is known of it."""
    values: dict[str, object] = dict.fromkeys(RunStatus.__dataclass_fields__)
    values |= {"run": name, "state": state, "num_steps": 700, "metric": "mAP", "waiting": 0}
    values |= {"rate_factor": 1.0, "parent": None, "parent_step": None}
    values |= {"options": "", "what": ""} | known
    return Watched(RunStatus(**values), {}, dict, ())


LIVE = Watched(
    watched(
        "신호등",
        "running",
        phase="training",
        step=350,
        steps_per_second=3.377,
        seconds_left=103.6,
        loss=0.7467,
        last_step=300,
        last_score=0.114,
        best_step=200,
        best_score=0.1778,
        waiting=2,
    ).status,
    scores={100: 0.05, 200: 0.1778, 300: 0.114},
    losses=lambda: {100: 1.8, 200: 1.2, 300: 0.8},
    gpus=(GPU,),
)


def drawn(*runs: Watched, width: int = 200, height: int = 24, note: str = "") -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(render_runs(runs, width, height, note=note))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_driver_that_does_not_answer_is_a_note_below_the_table() -> None:
    """The runs are shown all the same; of a single GPU that is lost its cell says so."""
    lost = dataclasses.replace(LIVE, gpus=(GPU, GpuLoad(1, "", 0, 0, None, fault="GPU is lost")))
    assert "0: 7.0/8 GiB 97%, 1: GPU is lost" in drawn(lost)[1]
    assert drawn(LIVE, note="no answer")[-2:] == [
        "no answer",
        "1 live, 0 ended; Ctrl-C ends the watching, no run",
    ]


def test_a_run_is_a_line_with_all_that_one_looks_for() -> None:
    """State, step, speed, time left, GPU, what waits, scores and curves."""
    head, line, below = drawn(LIVE)

    assert head.split() == [
        *("run", "state", "step", "steps/s", "left", "GPU", "waiting"),
        *("last", "best", "mAP", "loss"),
    ]
    assert " ".join(line.split()) == (
        "신호등 training 350 of 700 3.38 2 min 0: 7.0/8 GiB 97% 2 "
        "0.1140 at 300 0.1778 at 200 ▁█▅ █▄▁ 0.747"
    )
    assert below == "1 live, 0 ended; Ctrl-C ends the watching, no run"


def test_live_runs_come_first_and_no_line_is_beyond_the_terminal() -> None:
    """Then what waits for its turn; of what has ended the rest is counted."""
    runs = [watched(f"old-{number}") for number in range(1000)]
    lines = drawn(*runs, watched("next", "queued"), LIVE, height=10)

    assert len(lines) <= 10
    assert lines[1].startswith("신호등")
    assert lines[2].startswith("next")
    assert lines[3].startswith("old-0")
    assert "1 live, 1 queued, 1000 ended, 996 of them not shown" in lines[-1]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_narrow_terminal_gets_fewer_columns(width: int) -> None:
    """What is shown is shown whole; run, state and step are always there."""
    head, line, _ = drawn(LIVE, width=width)

    assert head.split()[:3] == ["run", "state", "step"]
    assert "350 of 700" in line
    assert "…" not in line


def test_what_hangs_is_said() -> None:
    """Below the table, with what the run was found doing."""
    what = "no step for 40 s, usually one takes 0.5 s"
    lines = drawn(watched("d0", "running", phase="hung", what=what))

    assert "hung" in lines[1]
    assert lines[2] == f"d0: {what}"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([0.5], "▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([1.0, math.nan, 0.0], "█×▁"),
        ([0, 2, 6, 8, 7, 7, 1, 1, 0, 0, 0, 0, 0, 0, 8, 8], "▂██▂▁▁▁█"),
    ],
)
def test_a_curve(values: list[float], shown: str) -> None:
    """From the lowest to the highest; eight cells here, each the mean of what it stands for."""
    assert sparkline(values, 8) == shown


def test_watching_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    """On a terminal of its own; what is over is not an error."""
    (tmp_path / "odapi.toml").touch()
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "odapi_runner", "status", "--watch", "-w", str(tmp_path)]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        seen = b""
        while b"ends the watching" not in seen:
            seen += os.read(ours, 1 << 16)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert "0 live, 0 ended" in seen.decode()
