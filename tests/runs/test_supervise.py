"""The supervisor with real processes: an engine without a network, killed in every way.

What must hold: no checkpoint is lost or evaluated twice, nothing outlives the supervisor, and the
events say how it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import processes, read_status
from support.checkpoints import write_checkpoint

Supervised = Callable[..., "subprocess.Popen[bytes]"]
MakeRun = Callable[..., RunDir]


def kinds(run: RunDir, role: str = "supervise") -> list[str]:
    return [event["kind"] for event in read_events(run) if event["role"] == role]


def events(run: RunDir, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(run) if event["kind"] == kind]


def steps_evaluated(run: RunDir) -> list[int]:
    return [event["step"] for event in events(run, "evaluated")]


def wait_for_event(run: RunDir, kind: str, count: int = 1) -> None:
    assert wait_until(lambda: len(events(run, kind)) >= count, 120), read_events(run)


def wait_for_death(run: RunDir) -> None:
    assert wait_until(lambda: not processes(run), 120), processes(run)


def kill(run: RunDir, name: str) -> None:
    os.kill(processes(run)[name].pid, signal.SIGKILL)


def test_a_run_goes_from_start_to_finished(make_run: MakeRun, supervised: Supervised) -> None:
    """Every checkpoint is evaluated once and in order, the queue is empty, the state is done."""
    run = make_run(num_steps=6)
    supervisor = supervised(run, "6 2 0.02")

    assert supervisor.wait(120) == 0
    told = kinds(run)
    # A short training may end before its first checkpoint is found, and the evaluator started.
    assert set(told[2:-1]) == {"evaluator_started", "trainer_ended", "evaluator_ended"}
    assert (told[:2], told[-1]) == (["started", "trainer_started"], "finished")
    assert told.index("evaluator_started") < told.index("evaluator_ended")
    assert steps_evaluated(run) == [0, 2, 4, 6]
    assert run.pending_checkpoints() == []
    status = read_status(run)
    assert (status.state, status.step, status.waiting) == ("done", 6, 0)
    assert (status.last_step, status.last_score) == (6, 0.006)


def test_the_evaluator_is_nice_and_sees_no_gpu(make_run: MakeRun, supervised: Supervised) -> None:
    """The evaluator gives way to the trainer; what the trainer sees is what run.json says."""
    run = make_run()
    supervised(run, "2 2 0").wait(120)

    (evaluator,) = [e for e in events(run, "started") if e["role"] == "eval"]
    (trainer,) = [e for e in events(run, "started") if e["role"] == "train"]
    assert (evaluator["visible"], evaluator["nice"]) == ("-1", min(os.nice(0) + 10, 19))
    assert trainer["visible"] == "-1"


def test_without_evaluation_nothing_waits(make_run: MakeRun, supervised: Supervised) -> None:
    """`--eval none`: no evaluator, no queue."""
    run = make_run(evaluate=False)
    supervised(run, "4 2 0").wait(120)

    assert kinds(run) == ["started", "trainer_started", "trainer_ended", "finished"]
    assert not run.pending.exists()


def test_a_trainers_own_words_are_the_reason(make_run: MakeRun, supervised: Supervised) -> None:
    """A trainer that fails ends the run as failed; what it had saved is evaluated still."""
    run = make_run()
    supervised(run, "6 2 0.02 --crash-at 3").wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == "step 3: the records are gone. Do something."
    assert steps_evaluated(run) == [0, 2]


def test_a_killed_trainer_fails_the_run_and_resumes(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """What was saved is evaluated; a new supervisor goes on from there."""
    run = make_run()
    supervisor = supervised(run, "100 2 0.05")
    wait_for_event(run, "checkpoint", 3)
    kill(run, "trainer")
    supervisor.wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == (
        "the trainer was killed by SIGKILL (the kernel tells of no kill for want of memory): "
        f"odapi logs {run.name}"
    )

    saved = run.checkpoints()
    step = len(saved) * 2 - 2  # at steps 0, 2, 4, ...
    supervised(run, f"{step + 2} 2 0.01").wait(120)

    assert read_status(run).state == "done"
    assert [e["resumed_from_step"] for e in events(run, "started") if e["role"] == "train"] == [
        0,
        step,
    ]
    assert steps_evaluated(run) == list(range(0, step + 3, 2))


def test_a_crashed_evaluator_is_started_again(make_run: MakeRun, supervised: Supervised) -> None:
    """A crash loses no checkpoint and does not disturb the training."""
    run = make_run()
    supervised(run, "6 2 0.02", "--crash-once 2").wait(120)

    assert read_status(run).state == "done"
    assert [event["code"] for event in events(run, "evaluator_ended")] == [-9, 0]
    assert steps_evaluated(run) == [0, 2, 4, 6]


def test_a_checkpoint_on_which_the_evaluator_always_crashes_is_left_out(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """Tried three times in all; the others are evaluated, the run is done, and says so."""
    run = make_run()
    supervised(run, "6 2 0.1", "--crash-on 2").wait(120)

    status = read_status(run)
    assert status.state == "done"
    assert status.what == (
        "ckpt-2 is not evaluated: the evaluator crashed on it 3 times: "
        f"odapi logs {run.name} --eval"
    )
    assert [event["number"] for event in events(run, "unevaluated")] == [2]
    assert [event["number"] for event in events(run, "evaluating")].count(2) == 3
    assert steps_evaluated(run) == [0, 4, 6]
    assert run.pending_checkpoints() == []


def test_an_evaluator_that_cannot_begin_is_given_up(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """Nothing that waits is dropped; training goes on to its end, and a resume evaluates."""
    run = make_run(eval_retries=1)
    supervised(run, "6 2 0.1", "--no-such-option").wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == (
        f"the evaluator ended with exit code 2 2 times: odapi logs {run.name} --eval"
    )
    assert Counter(kinds(run))["evaluator_started"] == 2
    assert [e["step"] for e in events(run, "finished") if e["role"] == "train"] == [6]
    assert run.pending_checkpoints() == [1, 2, 3, 4]

    supervised(run, "6 2 0").wait(120)

    assert read_status(run).state == "done"
    assert steps_evaluated(run) == [0, 2, 4, 6]
    assert Counter(kinds(run))["trainer_started"] == 1  # training had finished


def test_an_evaluator_that_ends_too_early_is_started_again(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """SIGTERM to the evaluator alone ends it, not the evaluation."""
    run = make_run()
    supervisor = supervised(run, "10 2 0.1")
    wait_for_event(run, "evaluated")
    os.kill(processes(run)["evaluator"].pid, signal.SIGTERM)
    supervisor.wait(120)

    assert read_status(run).state == "done"
    assert steps_evaluated(run) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_supervisor_saves_and_stops(
    make_run: MakeRun, supervised: Supervised, number: signal.Signals
) -> None:
    """The trainer saves where it is; what waits goes on waiting."""
    run = make_run(num_steps=1000)
    supervisor = supervised(run, "1000 1000 0.02", "--seconds 30")
    wait_for_event(run, "evaluator_started")
    supervisor.send_signal(number)
    supervisor.wait(120)

    (stopped,) = [e for e in events(run, "stopped") if e["role"] == "train"]
    assert stopped["step"] > 0
    assert events(run, "checkpoint")[-1]["step"] == stopped["step"]
    assert read_status(run).state == "stopped"
    assert run.pending_checkpoints() == [1, 2]
    assert steps_evaluated(run) == []

    supervised(run, f"{stopped['step'] + 1} 1000 0").wait(120)

    assert read_status(run).state == "done"
    # The trainer without a network saves every 1000 steps only, and not at the end.
    assert steps_evaluated(run) == [0, stopped["step"]]


def test_a_stop_before_the_trainer_is_ready(make_run: MakeRun, supervised: Supervised) -> None:
    """It dies of the signal, which is what was asked for: no reason is to be told for good."""
    run = make_run()
    supervisor = supervised(run, "6 2 0 --import-for 60")
    wait_for_event(run, "trainer_started")
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(30)

    assert (read_status(run).state, read_status(run).what) == ("stopped", "")
    assert [event["code"] for event in events(run, "trainer_ended")] == [-signal.SIGTERM]
    assert supervised(run, "6 2 0").wait(60) == 0


def test_a_signal_that_comes_twice_at_once_is_one(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """As of Slurm: the trainer ends its step and saves."""
    run = make_run(num_steps=1000, evaluate=False)
    supervisor = supervised(run, "1000 1000 0.8")
    wait_for_event(run, "checkpoint")
    supervisor.send_signal(signal.SIGTERM)
    time.sleep(0.1)  # the first has been taken
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(30)

    assert read_status(run).state == "stopped"
    assert [event["code"] for event in events(run, "trainer_ended")] == [0]
    (stopped,) = [event for event in events(run, "stopped") if event["role"] == "train"]
    assert stopped["step"] == 1


def test_a_second_signal_does_not_wait(make_run: MakeRun, supervised: Supervised) -> None:
    """Ctrl-C twice ends a trainer that does not listen."""
    run = make_run()
    supervisor = supervised(run, "1000 1000 0.02 --deaf")
    wait_for_event(run, "checkpoint")
    supervisor.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        supervisor.wait(1.2)
    supervisor.send_signal(signal.SIGINT)
    supervisor.wait(60)

    assert read_status(run).state == "stopped"
    assert [event["code"] for event in events(run, "trainer_ended")] == [-9]


def test_a_killed_supervisor_takes_its_children_along(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """The trainer saves, the evaluator ends, the state is lost; a new supervisor goes on."""
    run = make_run(num_steps=1000)
    supervisor = supervised(run, "1000 1000 0.02", "--seconds 0.2")
    wait_for_event(run, "evaluator_started")
    supervisor.kill()
    supervisor.wait()
    wait_for_death(run)

    status = read_status(run)
    assert status.state == "lost"
    assert "odapi resume" in status.what
    (stopped,) = events(run, "stopped")
    assert stopped["role"] == "train"

    supervised(run, f"{stopped['step'] + 1} 1000 0").wait(120)

    assert read_status(run).state == "done"
    assert steps_evaluated(run) == [0, stopped["step"]]


def test_what_a_crash_left_out_of_the_queue_is_put_there(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """A trainer killed between saving and queueing: the next supervisor queues the checkpoint."""
    run = make_run()
    write_checkpoint(run.root / "ckpt-1", {"w": (2,)}, step=4)
    supervised(run, "6 2 0").wait(120)

    assert steps_evaluated(run) == [4, 6]


def test_the_oldest_waiting_one_is_skipped(make_run: MakeRun, supervised: Supervised) -> None:
    """With a backlog of 1 an evaluator that is too slow misses some, but never the last."""
    run = make_run(eval_backlog=1)
    supervised(run, "12 2 0.1", "--seconds 0.6").wait(120)

    skipped = [event["number"] for event in events(run, "skipped")]
    evaluated = [event["number"] for event in events(run, "evaluated")]
    assert skipped
    assert sorted(skipped + evaluated) == [1, 2, 3, 4, 5, 6, 7]
    assert {1, 7} <= set(evaluated)
    assert read_status(run).state == "done"


def test_a_run_has_one_supervisor(make_run: MakeRun, supervised: Supervised) -> None:
    """While any process of the run lives nobody else gets its lock, then somebody does."""
    run = make_run()
    supervisor = supervised(run, "1000 1000 0.02 --deaf")
    wait_for_event(run, "checkpoint")

    with pytest.raises(RunError, match="are alive"):
        take_lock(run)
    second = supervised(run, "1 1 0")
    assert second.wait(120) == 1
    assert "are alive" in run.log("supervise").read_text("utf-8")

    trainer = processes(run)["trainer"]
    supervisor.kill()
    supervisor.wait()
    with pytest.raises(RunError, match="are alive"):  # the deaf trainer still holds it
        take_lock(run)
    os.kill(trainer.pid, signal.SIGKILL)
    wait_for_death(run)

    os.close(take_lock(run))


def test_the_supervisor_is_light(make_run: MakeRun, supervised: Supervised) -> None:
    """It lives beside the training for days: no TensorFlow, below 60 MB."""
    run = make_run()
    supervisor = supervised(run, "1000 1000 0.02")
    wait_for_event(run, "checkpoint")

    status = Path(f"/proc/{supervisor.pid}/status").read_text("ascii")
    (resident,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    maps = Path(f"/proc/{supervisor.pid}/maps").read_text("utf-8")
    supervisor.terminate()
    supervisor.wait(120)

    assert int(resident) < 60_000
    assert "tensorflow" not in maps
    assert "numpy" not in maps


def test_events_are_whole_lines(make_run: MakeRun, supervised: Supervised) -> None:
    """Each process writes a file of its own, one JSON object a line."""
    run = make_run()
    supervised(run, "2 2 0").wait(120)

    files = sorted(run.events.iterdir())
    assert {path.name.split("-")[0] for path in files} == {"eval", "supervise", "train"}
    for path in files:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [line["seq"] for line in lines] == list(range(len(lines)))


def test_a_trainer_that_dies_at_once_is_a_failure(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """With nothing to evaluate yet the end of the trainer is the end of the run."""
    run = make_run()
    supervised(run, "not-a-number").wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == f"the trainer ended with exit code 2: odapi logs {run.name}"
    assert kinds(run) == ["started", "trainer_started", "trainer_ended", "failed"]
