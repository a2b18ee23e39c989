"""What a run does while nobody looks: real supervisors, an engine without a network."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torture.truths import find_faults

from odapi_runner.formats.best import read_best
from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir, checkpoint_numbers
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.sessions import ASKED
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import processes, read_status

MakeRun = Callable[..., RunDir]
Supervised = Callable[..., Any]


def events(run: RunDir, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(run) if event["kind"] == kind]


def test_training_stops_when_nothing_gets_better(make_run: MakeRun, supervised: Supervised) -> None:
    """The last step is saved and evaluated; the best checkpoint is kept beside."""
    run = make_run(num_steps=1000, early_stop="mAP:patience=2,min-steps=8")
    supervised(run, "1000 2 0.15", "--peak 4").wait(120)

    status = read_status(run)
    assert status.state == "done"
    assert status.what.startswith("stopped early: mAP was best at step 4 (0.0040), and not better")
    stopped = events(run, "stopped")[-1]["step"]
    assert 8 <= stopped < 1000
    assert status.last_step == stopped
    best = read_best(run)
    assert best is not None
    assert (best.step, best.score) == (4, 0.004)
    assert checkpoint_numbers(run.best) == [best.number]
    assert (run.best / "pipeline.config").read_text() == run.config.read_text()
    assert f'"ckpt-{best.number}"' in (run.best / "checkpoint").read_text()


def test_hours_end_a_training(make_run: MakeRun, supervised: Supervised) -> None:
    """It is stopped, not failed: a resume goes on."""
    run = make_run(num_steps=1000, max_hours=0.001)
    supervised(run, "1000 2 0.1").wait(120)

    status = read_status(run)
    assert (status.state, status.what) == ("stopped", "--max-hours 0.001 are over")
    assert status.waiting == 0


def test_hours_may_be_over_before_the_trainer_is_ready(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """Nothing has failed: it had nothing to save yet. The next one that is asked for goes on."""
    run = make_run(num_steps=4, max_hours=0.001)
    supervised(run, "4 2 0 --import-for 60").wait(60)

    status = read_status(run)
    assert (status.state, status.what) == ("stopped", "--max-hours 0.001 are over")
    assert [event["code"] for event in events(run, "trainer_ended")] == [-signal.SIGTERM]
    EventLog(run, "launch").write(ASKED)
    assert supervised(run, "4 2 0").wait(60) == 0
    assert read_status(run).state == "done"


def test_hours_go_on_with_a_run(make_run: MakeRun, supervised: Supervised) -> None:
    """One that goes on by itself, as in a job that is queued again, has what is left."""
    run = make_run(num_steps=1000, max_hours=0.001)
    supervisor = supervised(run, "1000 2 0.05")
    assert wait_until(lambda: len(events(run, "checkpoint")) > 20, 60)  # after 2 of 3.6 s
    supervisor.kill()
    assert wait_until(lambda: not processes(run), 60)

    supervised(run, "1000 2 0.05").wait(60)
    assert read_status(run).what == "--max-hours 0.001 are over"
    _, second = [one["time"] for one in events(run, "started") if one["role"] == "supervise"]
    assert events(run, "ending")[0]["time"] - second < 2.6


@pytest.mark.parametrize(
    ("answer", "batches", "accumulate", "overrides"),
    [
        ("halve-batch", [8, 4, 2], 1, ("batch_size=4", "batch_size=2")),
        ("accumulate", [8, 4, 2], 4, ("train_config.batch_size=4", "train_config.batch_size=2")),
    ],
)
def test_too_little_memory_is_answered_as_asked(
    make_run: MakeRun,
    supervised: Supervised,
    answer: str,
    batches: list[int],
    accumulate: int,
    overrides: tuple[str, ...],
) -> None:
    """Each answer is a revision of the run; its first config stays as it was."""
    run = make_run(on_oom=answer)
    first = run.config.read_text()
    supervised(run, "6 2 0.02 --oom-above 2").wait(120)

    assert read_status(run).state == "done"
    started = [event for event in events(run, "started") if event["role"] == "train"]
    assert [event["batch"] for event in started] == batches
    assert run.revision() == 3
    assert run.config_of(1).read_text() == first
    spec = RunSpec.load(run)
    assert (spec.options.accumulate, spec.overrides) == (accumulate, overrides)
    rate = read_pipeline(
        run.config
    ).train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    # The rate goes with the batch that a step sees.
    assert rate.learning_rate_base == pytest.approx(0.02 if answer == "halve-batch" else 0.08)
    assert [event["why"].partition(":")[0] for event in events(run, "revised")] == [
        "the memory did not suffice"
    ] * 2


def test_what_is_trained_otherwise_is_evaluated_so(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """An evaluator that is at work keeps no config of before beside the best checkpoint."""
    run = make_run(on_oom="halve-batch")
    supervised(run, "2 1 0.9 --oom-above 4").wait(120)

    assert read_status(run).state == "done"
    best = read_best(run)
    assert best is not None
    assert best.step == 2
    assert (run.best / "pipeline.config").read_text() == run.config_of(2).read_text()
    assert [event["step"] for event in events(run, "evaluated")] == [0, 1, 2]


def test_without_being_asked_nothing_is_changed(make_run: MakeRun, supervised: Supervised) -> None:
    """The run fails with the trainer's words."""
    run = make_run()
    supervised(run, "6 2 0.02 --oom-above 2").wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == "the memory does not suffice for 8 images. Do something."
    assert run.revision() == 1


def test_retries_are_counted(make_run: MakeRun, supervised: Supervised) -> None:
    """A batch of 1 is not reached in one retry."""
    run = make_run(on_oom="halve-batch", retries=1)
    supervised(run, "6 2 0.02 --oom-above 1").wait(120)

    assert read_status(run).state == "failed"
    assert [(event["retry"], event["of"]) for event in events(run, "retrying")] == [(1, 1)]


def test_memory_that_a_log_speaks_of(make_run: MakeRun, supervised: Supervised) -> None:
    """A trainer that dies with the words of CUDA on its lips."""
    run = make_run(on_oom="halve-batch", retries=2)
    supervised(run, "6 2 0.02 --say CUDA_ERROR_OUT_OF_MEMORY").wait(120)

    status = read_status(run)
    assert status.state == "failed"
    assert status.what == (
        f'the trainer ran out of memory ("CUDA_ERROR_OUT_OF_MEMORY"): odapi logs {run.name}'
    )
    assert read_pipeline(run.config).train_config.batch_size == 2


def test_what_may_pass_is_tried_again(make_run: MakeRun, supervised: Supervised) -> None:
    """After a pause, which is no evaluating; here it passes never."""
    run = make_run(retries=1)
    supervisor = supervised(run, "6 2 0.02 --say ESTALE")
    assert wait_until(lambda: bool(events(run, "retrying")), 60)

    status = read_status(run)
    why = f"the network's disk was gone for a moment: odapi logs {run.name}"
    assert (status.state, status.phase) == ("running", "starting")
    assert status.what == f"trying again in 1 s: {why}"
    supervisor.wait(60)
    assert (read_status(run).state, read_status(run).what) == ("failed", why)
    ended, started = events(run, "trainer_ended"), events(run, "trainer_started")
    assert (len(ended), len(started)) == (2, 2)
    assert started[1]["time"] - ended[0]["time"] > 0.9


def test_a_pause_is_no_hindrance_to_a_stop(
    make_run: MakeRun, supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has stopped, for what it waited for."""
    monkeypatch.setenv("FAKE_PAUSE", "600")
    run = make_run(evaluate=False)
    supervisor = supervised(run, "6 2 0.02 --say ESTALE")
    assert wait_until(lambda: bool(events(run, "retrying")), 60)
    supervisor.terminate()
    supervisor.wait(20)

    status = read_status(run)
    why = f"the network's disk was gone for a moment: odapi logs {run.name}"
    assert (status.state, status.what) == ("stopped", why)
    assert len(events(run, "trainer_started")) == 1


def test_a_loss_that_is_no_number_is_rolled_back(make_run: MakeRun, supervised: Supervised) -> None:
    """From the last finite checkpoint with half the rate; the bad ones and their scores go away."""
    run = make_run(on_nan="rollback", num_steps=8)
    supervised(run, "8 1 0.1 --nan-at 5").wait(120)

    assert read_status(run).state == "done"
    assert [event["step"] for event in events(run, "rejected")] == [4]
    assert read_rate(run) == 0.5
    told = {deed.kind: deed.what for deed in read_deeds(run)}
    assert told["rate"] == "0.5 times the schedule's: a loss was not finite"
    assert told["retrying"] == (
        "from ckpt-4 on with 0.5 times the learning rate: the loss of step 5 is not finite. "
        "Do something."
    )
    resumed = [e["resumed_from_step"] for e in events(run, "started") if e["role"] == "train"]
    assert resumed == [0, 3]
    assert len(checkpoint_numbers(run.rejected)) == 1
    # Step 4 counts once, as it was the second time.
    assert run.evaluated_steps() == list(range(9))


def test_an_evaluator_at_work_on_what_is_rejected(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """It is ended: what it would have found counts for nothing, and the next one is evaluated."""
    run = make_run(on_nan="rollback")
    supervised(run, "4 2 0.2 --nan-at 3 --patient", "--seconds 1").wait(120)

    assert read_status(run).state == "done"
    (bad,) = [event["number"] for event in events(run, "rejected")]
    told = [event["kind"] for event in read_events(run) if event.get("number") == bad]
    assert told[told.index("rejected") :] == ["rejected", "checkpoint", "evaluating", "evaluated"]
    assert run.evaluated_steps() == [0, 2, 4]
    assert find_faults(run, finished=True) == []


def test_a_damaged_checkpoint_does_not_end_the_evaluations(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """It is left out with a word at once, whether it is the newest or not; the others follow."""
    run = make_run(num_steps=6)
    supervised(run, "6 2 0", "--no-such-option").wait(120)
    os.truncate(run.pending / "ckpt-2.data-00000-of-00001", 3)
    before = len(events(run, "evaluator_started"))
    supervised(run, "6 2 0").wait(120)

    status = read_status(run)
    assert status.state == "done"
    assert status.what.startswith("ckpt-2 is not evaluated: ")
    assert "cut short, 3 of " in status.what
    assert [event["number"] for event in events(run, "unevaluated")] == [2]
    assert len(events(run, "evaluator_started")) == before + 2
    assert run.evaluated_steps() == [0, 4, 6]
    assert find_faults(run, finished=True) == []


def test_a_crash_with_an_image_that_cannot_be_read(
    make_run: MakeRun, supervised: Supervised
) -> None:
    """What is told of images after the beginning does not hide which checkpoint it was."""
    run = make_run(eval_retries=0)
    supervised(run, "6 2 0.02", "--crash-on 2 --bad-image").wait(120)

    assert read_status(run).state == "done"
    assert [event["number"] for event in events(run, "unevaluated")] == [2]
    assert run.evaluated_steps() == [0, 4, 6]


def test_somebody_is_told(make_run: MakeRun, supervised: Supervised, tmp_path: Path) -> None:
    """Not through a shell: what the run is called stays one word."""
    program, out = tmp_path / "알림 program", tmp_path / "told.json"
    program.write_text(
        "#!/usr/bin/env python3\nimport json, sys\n"
        f"json.dump(sys.argv[1:], open({str(out)!r}, 'w'))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    run = make_run("밤 $(touch x) run", notify=f"'{program}' --to me")
    supervised(run, "6 2 0.02").wait(120)

    assert read_status(run).state == "done"
    assert json.loads(out.read_text()) == ["--to", "me", "밤 $(touch x) run", "finished", ""]
    assert events(run, "notified")[-1]["code"] == 0
    assert read_deeds(run)[-1].what == f"'{program}' --to me: ended with exit code 0"


def test_a_program_that_is_not_there_is_an_event(make_run: MakeRun, supervised: Supervised) -> None:
    """The run has ended all the same."""
    run = make_run(notify="/no/such/program")
    supervised(run, "2 2 0").wait(120)

    assert read_status(run).state == "done"
    assert "No such file" in events(run, "notified")[-1]["what"]
    assert "No such file" in read_deeds(run)[-1].what


def test_a_damaged_newest_checkpoint_is_left(make_run: MakeRun, supervised: Supervised) -> None:
    """Training goes on from the one before; what was cut short lies in `rejected/`."""
    run = make_run()
    supervised(run, "6 2 0.02").wait(120)
    newest = run.checkpoints()[-1]
    os.truncate(run.root / f"ckpt-{newest}.data-00000-of-00001", 3)
    supervised(run, "8 2 0.02").wait(120)

    assert [event["number"] for event in events(run, "rejected")] == [newest]
    assert "cut short" in events(run, "rejected")[0]["what"]
    assert checkpoint_numbers(run.rejected) == [newest]
    (told,) = [deed.what for deed in read_deeds(run) if deed.kind == "rejected"]
    assert told.startswith(f"ckpt-{newest} of step 6: ")
    assert told.endswith("; it lies in rejected/ now")


def test_status_tells_of_kills_and_of_going_on(make_run: MakeRun, supervised: Supervised) -> None:
    """Of a killed trainer, of a supervisor that died, and of a stop: each once it was gone on."""
    run = make_run(num_steps=1000)

    def interrupt(name: str, number: signal.Signals) -> None:
        before = len(events(run, "checkpoint"))
        supervisor = supervised(run, "1000 2 0.05")
        assert wait_until(lambda: len(events(run, "checkpoint")) > before + 1, 60)
        os.kill(processes(run)[name].pid, number)
        supervisor.wait(60)
        assert wait_until(lambda: not processes(run), 60)

    interrupt("trainer", signal.SIGKILL)
    failed = read_status(run).what
    interrupt("supervisor", signal.SIGKILL)
    interrupt("supervisor", signal.SIGTERM)
    supervised(run, "1 2 0").wait(60)

    assert read_status(run).state == "done"
    (killed,) = [event["how"] for event in events(run, "trainer_ended") if event["code"] == -9]
    assert [(deed.kind, deed.what) for deed in read_deeds(run)] == [
        ("trainer_ended", f"it {killed}"),
        ("resumed", f"it had failed: {failed}"),
        ("resumed", "its supervisor had died without a word"),
        ("resumed", "it had been stopped"),
    ]
