"""Jobs without their scheduler: what is asked for, refused, submitted, told, and done in a job.

tests/support/fake_slurm.py stands for Slurm: real processes, one machine, no queue. The real one is
in test_slurm.py, among the long tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.backends import ENGINES, refuse_others
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import ConfigError, OdapiError, RunError
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import stop_run, take_over, wait_for
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import identify, wait_until
from odapi_runner.runs.slurm import scheduler
from odapi_runner.runs.slurm.job import SupervisedRun
from odapi_runner.runs.slurm.jobs import find_job
from odapi_runner.runs.slurm.request import build_request, refuse_folder, refuse_unfit
from odapi_runner.runs.slurm.submit import submit
from odapi_runner.runs.slurm.words import parse_extra, parse_time
from odapi_runner.runs.status import read_status
from support import fake_slurm

HERE = Path(__file__).parent
FAKE_JOB = (sys.executable, str(HERE / "fake_job.py"))
MakeRun = Callable[..., RunDir]
Notified = tuple[str, Callable[[], list[list[str]]]]
ALIVE = identify(os.getpid()).dump()
ELSEWHERE = ALIVE | {"host": "node-7"}


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("0:30", 1), ("90:00", 90), ("12:00:00", 720), ("2-00", 2880), ("1-01:30", 1530),
     ("1-00:00:01", 1441)],
)  # fmt: skip
def test_times_are_those_of_sbatch(text: str, minutes: int) -> None:
    """MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS, DAYS-HOURS[:MINUTES[:SECONDS]]."""
    assert parse_time(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "soon", "1:2:3:4", "-3", "1-", "0:0:0"])
def test_what_is_no_time(text: str) -> None:
    """Said before anything is submitted."""
    with pytest.raises(ValueError, match=f'"{text}" is n'):
        parse_time(text)


def test_further_options_of_sbatch() -> None:
    """Quotes as in a shell; those without a value are flags."""
    found = parse_extra("account=vision mem=32G exclusive comment='한 마디' gres=gpu:a100:2")

    assert found == {
        "account": "vision", "mem": "32G", "exclusive": True, "comment": "한 마디",
        "gres": "gpu:a100:2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("mem=", '"mem=" is neither NAME nor NAME=VALUE'),
        ("--mem=3", '"--mem=3" is neither'),
        ("mem='3\n#SBATCH --uid=0'", "is neither"),
        ("output=x", '"output" is set by odapi'),
        ("partition=x", '"partition" is given by --slurm-partition'),
        ("time=3", '"time" is given by --slurm-time'),
        ("mem='", "No closing quotation"),
    ],
)
def test_what_is_no_option_of_sbatch(text: str, what: str) -> None:
    """Nothing but an option gets into the job's script."""
    with pytest.raises(ValueError, match=what):
        parse_extra(text)


def test_what_a_job_asks_for() -> None:
    """A GPU, a day, and to be told early enough; on the CPU no GPU."""
    options = RunOptions(cluster="slurm", slurm_partition="night", slurm_extra="mem=8G")
    request = build_request("신호등", "visible", options)

    assert request == {
        "job_name": "신호등",
        "time": 1440,
        "partition": "night",
        "gpus_per_node": 1,
        "signal_delay_s": 300,
        "stderr_to_stdout": True,
        "additional_parameters": {"requeue": True, "mem": "8G"},
    }
    short = RunOptions(cluster="slurm", slurm_time="4")
    assert build_request("a", "none", short)["signal_delay_s"] == 60
    assert build_request("a", "none", short)["gpus_per_node"] is None


@pytest.mark.parametrize(
    ("options", "asked", "what"),
    [
        ({"slurm_gpus": 2}, {}, "--slurm-gpus is for jobs of a cluster"),
        ({"cluster": "slurm"}, {"device": "0,1"}, "--gpu 0,1 means nothing in a job"),
        ({"cluster": "slurm"}, {"device": "auto"}, "--gpu auto means nothing in a job"),
        ({"cluster": "slurm"}, {"queue": True}, "the queue of this machine"),
        ({"cluster": "slurm", "workers": 2}, {}, "--workers and --cluster contradict"),
        ({"cluster": "slurm"}, {}, "there is no Slurm on this machine: no sbatch, srun"),
    ],
)
def test_what_cannot_be_a_job(
    options: dict[str, Any], asked: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is asked for is silently without effect."""
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(OdapiError, match=what):
        refuse_unfit(RunOptions(**options), **{"device": "visible", **asked})


def test_without_submitit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra: the error says how it is installed."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "submitit", raising=False)

    with pytest.raises(RunError, match="needs submitit") as error:
        refuse_unfit(RunOptions(cluster="slurm"), "visible")
    assert error.value.fix == 'pip install "odapi[slurm]"'


@pytest.mark.parametrize("name", ["100%", "a\\b", "a\nb"])
def test_a_folder_that_a_script_cannot_name(name: str) -> None:
    """`%` begins a pattern of Slurm, and a line of its script ends with its line."""
    with pytest.raises(RunError, match="Slurm cannot write"):
        refuse_folder(Path("/tmp") / name)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a scheduler whose programs are found first."""
    return fake_slurm.install(tmp_path / "slurm", monkeypatch)


@pytest.fixture
def submitted(slurm: Path, make_run: MakeRun) -> MakeRun:
    """Submit a run, with arguments of the fake trainer."""

    def start(train: str, **options: Any) -> RunDir:
        run = make_run(cluster="slurm", **options)
        (run.root / "fake.txt").write_text(f"{train}\n", encoding="utf-8")
        submit(run, take_lock(run), program=FAKE_JOB)
        return run

    return start


def told(run: RunDir, kind: str, *roles: str) -> list[dict[str, Any]]:
    return [event for event in read_events(run, *roles) if event["kind"] == kind]


def test_a_job_supervises_the_run(submitted: MakeRun) -> None:
    """From the submission to the end, with what submitit writes in a folder of the run."""
    run = submitted("6 2 0.1")

    assert wait_for(run).state == "done"
    (started,) = told(run, "started", "supervise")
    assert started["job"] == find_job(run).number == "1"
    names = {path.name for path in run.slurm.iterdir()}
    assert {"1_submission.sh", "1_submitted.pkl", "1_0_log.out"} <= names
    script = (run.slurm / "1_submission.sh").read_text("utf-8")
    assert "#SBATCH --requeue\n" in script
    assert "gpus" not in script  # on the CPU
    assert not any(path.stat().st_mode & 0o002 for path in run.root.rglob("*"))


def test_the_job_tells_of_the_end(submitted: MakeRun, notified: Notified) -> None:
    """Once; what its supervisor was told to end for is known to the job alone."""
    program, calls = notified
    done = submitted("2 2 0", name="끝", notify=program)
    assert wait_until(lambda: len(calls()) == 1, 60)
    stopped = submitted("600 1000 0.05", name="멈춤", notify=program)
    assert wait_until(lambda: read_status(stopped).phase == "training", 30)
    stop_run(stopped)
    assert wait_until(lambda: len(calls()) == 2, 60)
    killed = submitted("600 1000 0.05", name="죽음", notify=program)
    assert wait_until(lambda: read_status(killed).phase == "training", 30)
    os.kill(told(killed, "started", "supervise")[0]["process"]["pid"], signal.SIGKILL)
    assert wait_until(lambda: len(calls()) == 3, 60)

    assert calls() == [
        [done.name, "finished", ""],
        [stopped.name, "stopped", ""],
        [killed.name, "lost", "its supervisor died without a word"],
    ]


def test_stop_has_the_trainer_save(submitted: MakeRun) -> None:
    """And the run goes on in another job."""
    run = submitted("600 1000 0.05")
    assert wait_until(lambda: read_status(run).phase == "training", 30)
    with pytest.raises(RunError, match="running in a job of Slurm"):
        take_over(run)

    assert stop_run(run).state == "stopped"
    step = told(run, "stopped", "train")[0]["step"]
    (run.root / "fake.txt").write_text(f"{step + 2} 1 0\n", encoding="utf-8")
    submit(run, take_over(run), program=FAKE_JOB)
    assert wait_for(run).state == "done"
    assert told(run, "started", "train")[1]["resumed_from_step"] == step


def test_a_waiting_job_can_be_cancelled(submitted: MakeRun, slurm: Path) -> None:
    """It has not begun: the reason is Slurm's, and there is nothing to save."""
    (slurm / "full").touch()
    run = submitted("6 2 0")

    status = read_status(run)
    assert (status.state, status.what) == ("queued", "job 1 waits in Slurm: Resources")
    with pytest.raises(RunError, match="job 1 waits in Slurm"):
        take_over(run)
    status = stop_run(run)
    assert (status.state, status.what) == ("stopped", "job 1 was cancelled before it began")
    assert not told(run, "started")


def test_without_slurm_a_heartbeat_decides(
    make_run: MakeRun, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that sees the folder, and cannot ask; where Slurm can be asked, it is gone."""
    run = make_run(cluster="slurm")
    EventLog(run, "launch").write("submitted", job="7", cluster="slurm")
    EventLog(run, "supervise").write("started", process=ELSEWHERE, job="7")
    progress = f'{{"time": {time.time() - 60}, "pid": 1, "phase": "training", "step": 3}}'
    run.progress("train").write_text(progress, encoding="utf-8")
    (started,) = run.events.glob("supervise-*")
    event = json.loads(started.read_text("utf-8"))
    started.write_text(json.dumps(event | {"time": event["time"] - 3600}) + "\n", "utf-8")

    assert read_status(run).state == "lost"
    monkeypatch.setenv("PATH", "/nowhere")
    scheduler.forget()
    assert read_status(run).state == "running"


@pytest.mark.parametrize(
    ("events", "goes_on"),
    [
        ([("train", "checkpoint")], True),
        ([("eval", "evaluated")], True),
        ([("train", "started")], False),
    ],
)
def test_a_job_that_gets_nowhere_is_not_queued_again(
    make_run: MakeRun, events: list[tuple[str, str]], goes_on: bool, notified: Notified
) -> None:
    """At the end of its time; it would go on so for ever. That is an end, which is told."""
    program, calls = notified
    run = make_run(cluster="slurm", notify=program)
    supervisor = EventLog(run, "supervise")
    supervisor.write("started", process=ALIVE, job="7")
    for role, kind in events:
        EventLog(run, role).write(kind, number=1, step=1)
    supervisor.write("stopped", waiting=0, what="", signalled=True)

    again = SupervisedRun(str(run.root), FAKE_JOB).checkpoint()

    assert (again is not None) == goes_on
    last = read_events(run, "supervise")[-1]
    assert last["kind"] == ("requeued" if goes_on else "notified")
    assert [state for _, state, _ in calls()] == ([] if goes_on else ["failed"])


@pytest.mark.parametrize("kind", ["finished", "failed", "stopped"])
def test_what_has_ended_by_itself_is_not_queued_again(make_run: MakeRun, kind: str) -> None:
    """Done, failed, or stopped by a rule of its own."""
    run = make_run(cluster="slurm")
    EventLog(run, "train").write("checkpoint", number=1, step=1)
    EventLog(run, "supervise").write(kind, waiting=0, what="", signalled=False)

    assert SupervisedRun(str(run.root), FAKE_JOB).checkpoint() is None
    assert read_events(run, "supervise")[-1]["kind"] == kind


def test_slurm_options_without_a_cluster(make_run: MakeRun) -> None:
    """A resume of a run on this machine refuses them, too."""
    from odapi_runner.runs.resumption import Asked, plan_resumption

    with pytest.raises(ConfigError, match="--slurm-time is for jobs of a cluster"):
        plan_resumption(make_run(), Asked(options={"slurm_time": "3"}))


@pytest.mark.parametrize("engine", sorted(set(ENGINES) - {WATCHED}))
def test_every_engine_may_be_in_a_job(engine: str) -> None:
    """It is the run's supervisor that is in it; what odapi only watches is where it is."""
    asked = RunOptions(cluster="slurm", slurm_partition="night", slurm_extra="mem=8G")
    refuse_others(asked, engine)

    with pytest.raises(RunError, match="has no --cluster"):
        refuse_others(asked, WATCHED)


def test_logging_is_left_alone() -> None:
    """As it is imported, submitit would close the handlers of everybody else."""
    script = """
import logging, os
from odapi_runner.runs.slurm.submit import _logging_left_alone
closed = []
class Handler(logging.Handler):
    def close(self):
        closed.append(self)
        super().close()
logging.getLogger().addHandler(Handler())
with _logging_left_alone():
    import submitit
assert not closed
assert "SUBMITIT_LOG_LEVEL" not in os.environ
"""
    subprocess.run([sys.executable, "-c", script], check=True)
