"""A trainer that makes no step any more: when it is said, and what of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from odapi_runner import files
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.hang import EVALUATION, HangWatch, read_stack
from odapi_runner.runs.process import identify, wait_until
from odapi_runner.runs.status import read_status

MakeRun = Callable[..., RunDir]
PID = os.getpid()


class Trainer:
    """A heartbeat that beats when told to, and a clock that is set."""

    def __init__(self, run: RunDir) -> None:
        self.run, self.now, self.step = run, 100.0, 0
        self.watch = HangWatch(run, EventLog(run, "supervise"))

    def beat(self, phase: str = "training", pid: int = PID) -> None:
        files.write_json(
            self.run.progress("train"), {"pid": pid, "phase": phase, "step": self.step}
        )

    def make_steps(self, count: int, seconds: float) -> None:
        for _ in range(count):
            self.step += 1
            self.beat()
            self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.watch.look(PID, self.now)
        self.now += seconds
        self.watch.look(PID, self.now)

    def told(self) -> list[dict[str, Any]]:
        return read_events(self.run)


def test_no_step_for_ten_times_the_median_is_a_hang(make_run: MakeRun) -> None:
    """It is told once; the next step ends it, and does not count as a usual one."""
    trainer = Trainer(make_run())
    trainer.make_steps(5, seconds=2.0)

    trainer.pass_time(17.9)  # beside the 2 s that every step is shown
    assert trainer.told() == []
    trainer.pass_time(1.0)
    trainer.pass_time(60.0)
    (hung,) = trainer.told()
    assert (hung["kind"], hung["step"], hung["usual"], hung["phase"]) == (
        "hung",
        5,
        2.0,
        "training",
    )
    assert hung["seconds"] == pytest.approx(20.9)
    assert hung["what"].startswith(
        "no step after step 5 for 21 s while training, usually one takes 2 s"
    )
    assert "test_hang.py" in str(hung["stack"])  # this process

    trainer.make_steps(2, seconds=2.0)
    went_on = trainer.told()[-1]
    assert (went_on["kind"], went_on["step"]) == ("went_on", 6)

    trainer.pass_time(20.0)
    assert [event["kind"] for event in trainer.told()] == ["hung", "went_on", "hung"]
    assert [deed.kind for deed in read_deeds(trainer.run)] == ["hung", "went_on", "hung"]


def test_what_takes_its_time_is_no_hang(make_run: MakeRun) -> None:
    """Quick steps that stall for seconds; compiling; saving; and a trainer just started."""
    trainer = Trainer(make_run())
    trainer.beat("compiling")
    trainer.pass_time(4000.0)  # the first step
    trainer.make_steps(20, seconds=0.1)
    trainer.pass_time(9.0)
    trainer.beat("saving")
    trainer.pass_time(200.0)
    assert trainer.told() == []
    trainer.pass_time(100.0)
    assert trainer.told()[-1]["phase"] == "saving"


def test_waiting_for_input_for_too_long_is_a_hang(make_run: MakeRun) -> None:
    """The disk is gone: the heartbeat goes on, the steps do not."""
    trainer = Trainer(make_run())
    trainer.make_steps(20, seconds=0.5)
    for _ in range(12):
        trainer.beat("waiting for input")
        trainer.pass_time(1.0)

    (hung,) = trainer.told()
    assert hung["phase"] == "waiting for input"


def test_another_trainer_begins_anew(make_run: MakeRun) -> None:
    """What the one before has left says nothing of it."""
    trainer = Trainer(make_run())
    trainer.make_steps(20, seconds=0.5)
    trainer.watch.look(PID + 1, trainer.now)
    trainer.watch.look(PID + 1, trainer.now + 1000)

    assert trainer.told() == []


def test_an_evaluator_that_makes_no_image_hangs(make_run: MakeRun) -> None:
    """Not while it restores or matches, which takes its time; nor does a next checkpoint."""
    run = make_run()
    watch = HangWatch(run, EventLog(run, "supervise"), work=EVALUATION)
    now = 100.0

    def beat(phase: str, images: int, seconds: float, step: int = 20) -> None:
        nonlocal now
        value = {"pid": PID, "phase": phase, "step": step, "images": images, "total_images": 90}
        files.write_json(run.progress("eval"), value)
        watch.look(PID, now)
        now += seconds
        watch.look(PID, now)

    beat("restoring", 0, 500.0)  # and traces its network
    for images in (30, 60):
        beat("evaluating", images, 60.0)
    beat("matching", 90, 1000.0)
    beat("restoring", 0, 200.0, step=40)
    assert read_events(run) == []
    beat("evaluating", 30, 601.0, step=40)
    (hung,) = read_events(run)
    assert (hung["kind"], hung["process_name"], hung["usual"]) == ("hung", "evaluator", 60.0)
    assert hung["what"].startswith("no batch after image 30 at step 40 for 601 s while evaluating")

    beat("evaluating", 60, 1.0, step=40)
    assert [deed.what.partition(" after")[0] for deed in read_deeds(run)] == [
        "the evaluator: no batch",
        "the evaluator: step 40",
    ]


def test_an_evaluator_hangs_in_the_status(make_run: MakeRun) -> None:
    """When training has ended: before, the trainer's phase is shown."""
    run = make_run()
    events = EventLog(run, "supervise")
    events.write("started", process=identify(PID).dump())
    events.write("trainer_started", process=identify(PID).dump())
    events.write("evaluator_started", process=identify(PID).dump())
    events.write("hung", process_name="evaluator", step=3, seconds=20.0, what="no image")
    assert (read_status(run).phase, read_status(run).what) == ("starting", "")

    events.write("trainer_ended", code=0, how="")
    assert (read_status(run).phase, read_status(run).what) == ("hung", "no image")
    events.write("went_on", process_name="evaluator", step=3, seconds=30.0)
    assert read_status(run).what == ""


def test_a_stack_that_cannot_be_read_says_why() -> None:
    """The process has ended meanwhile."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    (why,) = read_stack(process.pid).values()
    assert why[0].startswith("Error: Failed to")
    assert "Stack backtrace" not in "".join(why)


@pytest.mark.process
def test_a_hang_is_a_phase_until_it_ends(make_run: MakeRun, supervised: Any) -> None:
    """A real trainer that sleeps: where it does is told; then it goes on, and is done."""
    run = make_run(num_steps=30)
    supervisor = supervised(run, "30 30 0.05 --hang-at 20")

    assert wait_until(lambda: read_status(run).phase == "hung", 60), read_events(run)
    status = read_status(run)
    assert status.state == "running"
    assert "no step after step 20" in status.what
    assert "hang (fake_engine.py:" in status.what
    supervisor.wait(60)

    status = read_status(run)
    assert (status.state, status.phase, status.what) == ("done", None, "")
    assert [deed.kind for deed in read_deeds(run)] == ["hung", "went_on"]


def test_a_trainer_started_again_does_not_hang_any_more(make_run: MakeRun) -> None:
    """After a crash in the middle of a hang."""
    run = make_run()
    events = EventLog(run, "supervise")
    events.write("started", process=identify(PID).dump())
    events.write("trainer_started", process=identify(PID).dump())
    events.write(
        "hung", step=3, seconds=20.0, usual=1.0, phase="training", what="no step", stack={}
    )
    assert (read_status(run).phase, read_status(run).what) == ("hung", "no step")

    events.write("trainer_ended", code=1, how="")
    events.write("trainer_started", process=identify(PID).dump())
    assert (read_status(run).phase, read_status(run).what) == ("starting", "")
