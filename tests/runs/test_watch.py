"""Runs looked at again and again: what is read anew, and which GPUs are whose."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable

from odapi_runner import files
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.process import identify
from odapi_runner.runs.watch import Watch, gpus_used, read_losses

MakeRun = Callable[..., RunDir]
ME = identify(os.getpid())
LOADS = (
    GpuLoad(0, "RTX 3060 Ti", 8 << 30, 7 << 30, 97, computing=(ME.pid,)),
    GpuLoad(1, "RTX 3060 Ti", 8 << 30, 0, None),
)


def test_a_trainer_computes_where_the_driver_says() -> None:
    """Its process decides; what was claimed for it where the driver names no process."""
    other = identify(1)

    assert gpus_used(ME, ["1"], LOADS) == LOADS[:1]
    assert gpus_used(other, ["1"], LOADS) == LOADS[1:]
    assert gpus_used(other, ["cpu"], LOADS) == ()
    assert gpus_used(other, [], LOADS) == ()


def test_where_the_driver_names_nobody_it_is_what_was_claimed_last(make_run: MakeRun) -> None:
    """As in a container: with `auto` and `visible` nothing else says it."""
    run, loads = make_run(), [dataclasses.replace(load, computing=()) for load in LOADS]
    events = EventLog(run, "supervise")
    for device in ("0", "1"):
        events.write("started", process=ME.dump(), devices=[device])
    events.write("trainer_started", process=ME.dump())

    (seen,) = Watch(lambda: [run], lambda: loads).look()
    assert [load.index for load in seen.gpus] == [1]


def test_a_live_run_is_shown_with_its_gpu(make_run: MakeRun) -> None:
    """The driver is asked once for all of them, and not at all where nothing lives."""
    asked: list[int] = []

    def loads() -> tuple[GpuLoad, ...]:
        asked.append(1)
        return LOADS

    runs = [make_run("a"), make_run("b"), make_run("c")]
    for run, lives in zip(runs, (True, True, False), strict=True):
        events = EventLog(run, "supervise")
        events.write("started", process=ME.dump())
        events.write("trainer_started", process=ME.dump())
        if not lives:
            events.write("finished", waiting=0, what="")

    first, second, ended = Watch(lambda: runs, loads).look()
    assert (first.gpus, second.gpus, ended.gpus) == (LOADS[:1], LOADS[:1], ())
    assert first.dump()["gpus"][0]["used_bytes"] == 7 << 30
    assert len(asked) == 1

    Watch(lambda: runs[2:], loads).look()
    assert len(asked) == 1


def test_an_ended_run_is_read_again_only_when_it_has_changed(make_run: MakeRun) -> None:
    """A thousand of them cost a look at three folders each."""
    run = make_run()
    events = EventLog(run, "supervise")
    events.write("started", process=ME.dump())
    events.write("stopped", waiting=0, what="")
    watch = Watch(lambda: [run])

    (before,) = watch.look()
    assert watch.look()[0] is before
    files.write_atomic(run.metrics_csv, "step,mAP\n20,0.5\n")  # `odapi eval`
    (after,) = watch.look()
    assert (after.status.best_score, after.scores) == (0.5, {20: 0.5})

    EventLog(run, "supervise").write("started", process=ME.dump())  # `odapi resume`
    assert watch.look()[0].status.state == "running"


def test_losses_are_those_of_the_log(make_run: MakeRun) -> None:
    """Of a step that was repeated after a crash the latest; without a log there are none."""
    run = make_run()
    assert read_losses(run) == {}

    text = "한글\n" + "".join(map(logged, (100, 200, 200), (2.0, 1.5, 1.25)))
    run.log("train").write_text(text, encoding="utf-8")

    assert read_losses(run) == {100: 2.0, 200: 1.25}


def test_of_a_long_log_some_losses_from_all_of_it_are_read(make_run: MakeRun) -> None:
    """Each belongs to its step, though the log is not read as a whole."""
    run = make_run()
    steps = range(100, 300_001, 100)
    text = "".join(logged(step, step / 8) for step in steps)
    run.log("train").write_text(text, encoding="utf-8")
    losses = read_losses(run)

    assert 16 <= len(losses) <= 100
    assert min(losses) <= 1000
    assert max(losses) == 300_000
    assert all(loss == step / 8 for step, loss in losses.items())
    gaps = [after - before for before, after in itertools.pairwise(losses)]
    assert max(gaps) < 300_000 / 14


def logged(step: int, loss: float) -> str:
    """What a trainer logs of a step."""
    return (
        f"INFO:tensorflow:Step {step} per-step time 0.1s\n"
        f"INFO:tensorflow:{{'Loss/classification_loss': np.float32(0.25),\n"
        f" 'Loss/localization_loss': np.float32(0.25),\n"
        f" 'Loss/regularization_loss': np.float32(0.25),\n"
        f" 'Loss/total_loss': np.float32({loss}),\n"
        f" 'learning_rate': np.float32(0.0)}}\n"
    )
