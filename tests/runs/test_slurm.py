"""Runs as jobs of a real Slurm: controller, node and authentication are started here.

The node has a host name of its own: to the run's other commands a job is on another machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import read_events
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.rendered import write_rendered
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import stop_run, take_over, wait_for
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.slurm.jobs import find_job
from odapi_runner.runs.slurm.submit import submit
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import processes, read_status
from odapi_runner.workspace import Workspace
from support.slurm import NODE, PARTITIONS, missing, running_slurm
from support.small_runs import ANCHORS, SCRATCH

pytestmark = pytest.mark.long

FAKE_JOB = (sys.executable, str(Path(__file__).parent / "fake_job.py"))
Submit = Callable[..., RunDir]
Notified = tuple[str, Callable[[], list[list[str]]]]


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """A cluster of one node with four cores."""
    if missing():
        pytest.skip("no Slurm on this machine (slurm-wlm and munge, as root)")
    with running_slurm() as environment:
        yield environment


@pytest.fixture
def submitted(
    slurm: dict[str, str], make_run: Callable[..., RunDir], monkeypatch: pytest.MonkeyPatch
) -> Submit:
    """Submit a run: with arguments of the fake trainer and evaluator, and options."""
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)

    def start(train: str, evaluate: str = "", **options: Any) -> RunDir:
        run = make_run(**{"cluster": "slurm", "slurm_time": "10", **options})
        (run.root / "fake.txt").write_text(f"{train}\n{evaluate}", encoding="utf-8")
        submit(run, take_lock(run), program=FAKE_JOB)
        return run

    return start


def events(run: RunDir, kind: str, role: str = "supervise") -> list[dict[str, Any]]:
    return [event for event in read_events(run, role) if event["kind"] == kind]


def is_training(run: RunDir) -> bool:
    return read_status(run).phase == "training"


def test_a_run_trains_and_is_evaluated_in_a_job(submitted: Submit) -> None:
    """On the node, under a folder with a space and Korean letters; its end is the run's."""
    run = submitted("6 2 0.2", slurm_extra="cpus-per-task=2 comment='한 마디'")
    status = wait_for(run)

    assert (status.state, status.step, status.best_score) == ("done", 6, 0.006)
    (started,) = events(run, "started")
    assert (started["process"]["host"], started["job"]) == (NODE, find_job(run).number)
    assert not processes(run)  # none that this machine could look at


def test_stop_has_the_trainer_save(submitted: Submit) -> None:
    """Longer than Slurm lets a cancelled job live; then a resume goes on in another job."""
    run = submitted("600 1000 8")
    assert wait_until(lambda: is_training(run), 60)
    with pytest.raises(RunError, match="in a job of Slurm"):
        take_over(run)

    status = stop_run(run)

    assert status.state == "stopped"
    stopped = events(run, "stopped", "train")[-1]["step"]
    assert 0 < stopped < 600
    (run.root / "fake.txt").write_text(f"{stopped + 3} 1 0\n", encoding="utf-8")
    submit(run, take_over(run), program=FAKE_JOB)
    assert wait_for(run).state == "done"
    assert [one["resumed_from_step"] for one in events(run, "started", "train")] == [0, stopped]
    jobs = [one["job"] for one in events(run, "submitted", "launch")]
    assert len(set(jobs)) == 2


def test_a_job_cancelled_by_hand_has_stopped(submitted: Submit) -> None:
    """As by `odapi stop`, as long as it can save within the seconds that Slurm gives it."""
    run = submitted("600 1000 0.1")
    assert wait_until(lambda: is_training(run), 60)
    subprocess.run(["scancel", find_job(run).number], check=True)

    assert wait_for(run).state == "stopped"
    assert events(run, "stopped", "train")
    assert len(events(run, "started")) == 1


def test_who_waits_can_be_stopped_and_has_a_reason(submitted: Submit) -> None:
    """Four cores are one job's; the other one waits, is no run to resume, and is taken back."""
    first = submitted("600 100 0.1", slurm_extra="cpus-per-task=4")
    assert wait_until(lambda: is_training(first), 60)
    second = submitted("2 1 0", name="둘째", slurm_extra="cpus-per-task=4")
    assert wait_until(lambda: "(None)" not in read_status(second).what, 30)

    status = read_status(second)
    assert status.state == "queued"
    assert "waits in Slurm: " in status.what
    with pytest.raises(RunError, match="waits in Slurm"):
        take_over(second)
    assert stop_run(second).state == "stopped"
    assert not events(second, "started")
    assert stop_run(first).state == "stopped"


@pytest.mark.parametrize("partition", PARTITIONS[:2])
def test_a_preempted_run_goes_on(submitted: Submit, notified: Notified, partition: str) -> None:
    """A job of more importance takes its place; it saves, is queued again, and resumes.

    Somebody is told of its end alone.
    """
    program, calls = notified
    run = submitted(
        "60 1000 0.1", slurm_partition=partition, slurm_extra="cpus-per-task=4", notify=program
    )
    assert wait_until(lambda: is_training(run), 60)
    other = submitted(
        "10 10 0.1", name="둘째", slurm_partition="night", slurm_extra="cpus-per-task=4"
    )
    assert wait_for(other).state == "done"

    assert wait_for(run).state == "done"
    starts = events(run, "started", "train")
    assert [one["resumed_from_step"] for one in starts] == [
        0,
        events(run, "stopped", "train")[0]["step"],
    ]
    assert {one["job"] for one in events(run, "started")} == {find_job(run).number}
    assert len(events(run, "finished")) == 1
    assert wait_until(lambda: calls() == [[run.name, "finished", ""]], 20), calls()


def test_a_run_goes_on_after_the_end_of_its_time(submitted: Submit, notified: Notified) -> None:
    """The signal before the end makes it save; the job is queued again and resumes."""
    program, calls = notified
    run = submitted("30 1000 0.2", notify=program)
    assert wait_until(lambda: is_training(run), 60)
    number = find_job(run).number
    subprocess.run(["scancel", "--signal=USR2", number], check=True)
    assert wait_until(lambda: read_status(run).state == "queued", 60)

    assert wait_for(run).state == "done"
    assert len(events(run, "requeued")) == 1
    _, second = events(run, "started", "train")
    assert second["resumed_from_step"] == events(run, "stopped", "train")[0]["step"] > 0
    assert [one["job"] for one in events(run, "started")] == [number, number]
    assert wait_until(lambda: calls() == [[run.name, "finished", ""]], 20), calls()


def test_a_killed_job_is_seen_at_once(submitted: Submit) -> None:
    """Long before its heartbeat would be old; what was saved is gone on from."""
    run = submitted("600 5 0.1")
    assert wait_until(lambda: is_training(run), 60)
    for process in events(run, "started")[-1:]:
        os.kill(process["process"]["pid"], signal.SIGKILL)

    began = time.monotonic()
    status = wait_for(run)

    assert status.state == "lost"
    assert time.monotonic() - began < 60
    assert "odapi resume" in status.what


def test_what_slurm_refuses_is_said(submitted: Submit, make_run: Callable[..., RunDir]) -> None:
    """In its own words, and the run has failed."""
    with pytest.raises(RunError, match="invalid partition"):
        submitted("1 1 0", slurm_partition="none")
    run = RunDir(next(make_run("other").root.parent.glob("신호등*")))
    assert read_status(run).state == "failed"


def test_a_failed_run_is_a_failed_job(submitted: Submit) -> None:
    """So that what depends on it in Slurm does not start."""
    run = submitted("4 2 0.1 --crash-at 3")

    assert wait_for(run).state == "failed"
    number = find_job(run).number

    def state() -> str:
        done = subprocess.run(
            ["scontrol", "show", "job", number], capture_output=True, text=True, check=True
        )
        return done.stdout

    assert wait_until(lambda: "JobState=FAILED" in state(), 20)
    assert RunSpec.load(run).options.cluster == "slurm"


@pytest.mark.tf
def test_the_builtin_engine_by_the_commands_of_a_shell(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    """Submitted, looked at, stopped, resumed, waited for: as on a machine of one's own."""
    place = Workspace(tmp_path / "작업 공간")
    place.mark()
    draw_streets(place.root / "raw", images=10, seed=1, size_hw=(96, 128))
    convert_kitti(place.root / "raw", place.data / "kitti", shards=1)
    settings = ("image_size=128", "batch_size=2", "num_steps=400", ANCHORS)
    write_rendered("kitti-d0", Changes(settings, SCRATCH), place)

    def odapi(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "odapi_runner", *words]
        return subprocess.run(
            argv,
            cwd=place.root,
            env=os.environ | slurm,
            capture_output=True,
            text=True,
            check=False,
        )

    job = ("--cluster", "slurm", "--slurm-time", "60", "--slurm-extra", "cpus-per-task=2")
    made = odapi("train", "kitti-d0", *job, "--gpu", "none", "--checkpoint-every", "5")
    assert made.returncode == 0, made.stderr
    assert "kitti-d0: job " in made.stderr
    run = RunDir(place.train / "kitti-d0")

    def evaluated() -> bool:
        return (json.loads(odapi("status", "kitti-d0", "--json").stdout)[0]["last_step"] or 0) >= 5

    assert wait_until(evaluated, 400), odapi("logs", "kitti-d0").stdout
    assert odapi("resume", "kitti-d0").returncode == 1
    stopped = odapi("stop", "kitti-d0")
    assert stopped.returncode == 0, stopped.stderr
    step = events(run, "stopped", "train")[-1]["step"]
    resumed = odapi("resume", "kitti-d0", "--num-steps", str(step + 5))
    assert f"going on from step {step} " in resumed.stdout, resumed.stderr
    logs = odapi("logs", "kitti-d0", "-f", "--train")
    assert f"Training finished at step {step + 5}" in logs.stdout
    assert odapi("wait", "kitti-d0").returncode == 0
    hosts = {event["process"]["host"] for event in events(run, "started")}
    assert hosts == {NODE}
