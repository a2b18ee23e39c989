"""The state of a run, derived from events, heartbeats and liveness."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from odapi_runner import files
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import identify
from odapi_runner.runs.state import SILENCE_SECONDS
from odapi_runner.runs.status import read_status
from support.checkpoints import write_checkpoint

MakeRun = Callable[..., RunDir]
ALIVE = identify(os.getpid()).dump()
DEAD = ALIVE | {"start_ticks": 1}
ELSEWHERE = ALIVE | {"host": "another-machine"}


def tell(run: RunDir, *told: tuple[str, str, dict[str, Any]]) -> None:
    """Write events (role, kind, fields) in this order."""
    logs = {role: EventLog(run, role) for role in ("supervise", "train", "eval")}
    for role, kind, fields in told:
        logs[role].write(kind, **fields)


def beat(run: RunDir, role: str, age: float = 0.0, **fields: Any) -> None:
    """A heartbeat of some seconds ago."""
    files.write_json(run.progress(role), {"time": time.time() - age, "pid": 1} | fields)


def started(process: dict[str, Any] = ALIVE) -> tuple[str, str, dict[str, Any]]:
    return "supervise", "started", {"process": process}


TRAINING = ("supervise", "trainer_started", {})
TRAINED = ("supervise", "trainer_ended", {"code": 0})
TOLD_FINISHED = ("train", "finished", {"step": 6})


def end(kind: str, what: str = "") -> tuple[str, str, dict[str, Any]]:
    return "supervise", kind, {"waiting": 0, "what": what}


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], "lost"),
        ([started()], "running"),
        ([started(), TRAINING], "running"),
        ([started(), TRAINING, TRAINED], "evaluating"),
        ([started(), TRAINING, TRAINED, end("finished")], "done"),
        ([started(DEAD), TRAINING, TRAINED, end("failed", "why")], "failed"),
        ([started(DEAD), TRAINING, TRAINED, end("stopped")], "stopped"),
        ([started(DEAD), TRAINING], "lost"),
        ([started(DEAD), TRAINING, TRAINED, end("stopped"), started(), TRAINING], "running"),
        ([started(DEAD), TRAINING, TRAINED, end("stopped"), started(DEAD)], "lost"),
        ([started(DEAD), TRAINING, TOLD_FINISHED, started()], "evaluating"),
        ([started(), TRAINING, TRAINED, TRAINING], "running"),  # after a remedy
    ],
)
def test_the_state_follows_the_latest_supervisor(
    make_run: MakeRun, told: list[tuple[str, str, dict[str, Any]]], state: str
) -> None:
    """Its last event where it has ended, its liveness where it has not."""
    run = make_run()
    tell(run, *told)

    assert read_status(run).state == state


@pytest.mark.parametrize(
    ("age", "state"), [(1, "running"), (SILENCE_SECONDS + 5, "lost")], ids=["beating", "silent"]
)
def test_a_run_elsewhere_is_judged_by_its_heartbeat(
    make_run: MakeRun, age: float, state: str
) -> None:
    """A pid of another machine says nothing here."""
    run = make_run()
    tell(run, started(ELSEWHERE), TRAINING)
    beat(run, "train", age=age, phase="training", step=3)

    assert read_status(run).state == state


def test_a_run_that_is_being_started_is_at_work(make_run: MakeRun) -> None:
    """Between its folder and the first word of its supervisor; whoever starts it has its lock."""
    run = make_run()
    assert read_status(run).state == "lost"

    lock = take_lock(run)
    assert (read_status(run).state, read_status(run).phase) == ("running", "starting")
    os.close(lock)
    assert read_status(run).state == "lost"


def test_numbers_come_from_heartbeats_and_evaluations(make_run: MakeRun) -> None:
    """Step, speed and time left of the trainer; last and best of the scores; empty is none."""
    run = make_run(num_steps=100)
    tell(
        run,
        started(),
        TRAINING,
    )
    run.metrics_csv.write_text(
        "step,mAP,loss_total\n0,,9\n10,0.2,3\n20,0.4,2\n30,0.3,1\n", encoding="utf-8"
    )
    beat(run, "train", phase="training", step=42, steps_per_second=2.5, seconds_left=23.2, loss=0.5)
    run.pending.mkdir()
    (run.pending / "ckpt-5.index").touch()
    status = read_status(run)

    assert (status.phase, status.step, status.num_steps) == ("training", 42, 100)
    assert (status.steps_per_second, status.seconds_left) == (2.5, 23.2)
    assert (status.last_step, status.last_score) == (30, 0.3)
    assert (status.best_step, status.best_score) == (20, 0.4)
    assert (status.metric, status.loss, status.waiting) == ("mAP", 0.5, 1)


def test_of_a_loss_the_lowest_is_best(make_run: MakeRun) -> None:
    """`--best loss_total` decides on what is shown; a loss that is no number is never best."""
    run = make_run(best="loss_total")
    tell(run, started(), TRAINING)
    run.metrics_csv.write_text(
        "step,mAP,loss_total\n10,0.2,3.0\n20,0.4,2.0\n30,0.9,nan\n", encoding="utf-8"
    )
    status = read_status(run)

    assert (status.metric, status.best_step, status.best_score) == ("loss_total", 20, 2.0)
    assert status.last_step == 30


def test_a_heartbeat_of_an_earlier_session_is_no_phase(make_run: MakeRun) -> None:
    """Just resumed, the last words of the trainer before say nothing about this one."""
    run = make_run()
    beat(run, "train", age=60, phase="stopped", step=3, steps_per_second=2.0, seconds_left=1.0)
    tell(run, started(), TRAINING)
    status = read_status(run)

    assert (status.phase, status.step, status.steps_per_second) == ("starting", 3, None)


def test_a_run_that_goes_on_begins_at_its_checkpoint(make_run: MakeRun) -> None:
    """Neither at the step where it was cut off, nor at 0, until the trainer has read it."""
    run = make_run()
    for number, step in ((1, 0), (2, 80)):
        write_checkpoint(run.root / f"ckpt-{number}", {"w": (2,)}, step=step)
    beat(run, "train", age=60, phase="training", step=100)
    tell(run, started(), TRAINING)
    seen = [(read_status(run).phase, read_status(run).step)]
    for phase, step in (("building", 0), ("compiling", 80), ("training", 81)):
        beat(run, "train", phase=phase, step=step)
        seen.append((read_status(run).phase, read_status(run).step))

    assert seen == [("starting", 80), ("building", 80), ("compiling", 80), ("training", 81)]


@pytest.mark.parametrize("last", ["done", "stopped", "failed"])
def test_the_last_words_of_a_process_are_no_phase_of_a_run_at_work(
    make_run: MakeRun, last: str
) -> None:
    """Until its end has been seen it is ending; of one that is started again they say nothing."""
    run = make_run()
    tell(run, started(), TRAINING)
    beat(run, "train", phase=last, step=3, steps_per_second=2.0, seconds_left=1.0)
    status = read_status(run)
    assert (status.state, status.phase, status.step) == ("running", "ending", 3)
    assert (status.steps_per_second, status.seconds_left) == (None, None)

    tell(run, TRAINING)  # a remedy
    assert (read_status(run).state, read_status(run).phase) == ("running", "starting")

    tell(run, TRAINED)
    beat(run, "eval", phase=last)
    assert (read_status(run).state, read_status(run).phase) == ("evaluating", "ending")


@pytest.mark.parametrize(
    ("code", "how", "what"),
    [
        (0, "ended with exit code 0", ""),
        (-15, "was killed by SIGTERM", ""),  # it was told to
        (
            -9,
            "was killed by SIGKILL",
            "the trainer was killed by SIGKILL; what waits is evaluated before the run ends",
        ),
    ],
)
def test_a_crash_is_told_while_others_are_evaluated(
    make_run: MakeRun, code: int, how: str, what: str
) -> None:
    """Not only when the run has ended."""
    run = make_run()
    tell(run, started(), TRAINING, ("supervise", "trainer_ended", {"code": code, "how": how}))

    assert (read_status(run).state, read_status(run).what) == ("evaluating", what)


def test_an_ended_run_has_neither_phase_nor_time_left(make_run: MakeRun) -> None:
    """What is over does not go on."""
    run = make_run()
    tell(run, started(), TRAINING, TRAINED, end("stopped"))
    beat(run, "train", phase="stopped", step=3, steps_per_second=2.0, seconds_left=1.0)
    status = read_status(run)

    assert (status.phase, status.steps_per_second, status.seconds_left) == (None, None, None)
    assert status.step == 3
