"""The queue of a machine: real processes, an engine without a network, GPUs that a file describes.

What must hold, whatever is killed: every run is started once and in its turn, none before there is
room for it, and the queue is empty when all have ended.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from odapi_runner.cli import main
from odapi_runner.errors import GpuError, RunError
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.gpu_load import GpuLoad
from odapi_runner.runs.process import identify, wait_until
from odapi_runner.runs.queue import control
from odapi_runner.runs.queue.entries import Entry, add, change_queue, queue_file, read_queue
from odapi_runner.runs.queue.outlook import look_at
from odapi_runner.runs.queue.serve import take_serve_lock
from odapi_runner.runs.resume import prepare_resume
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import processes, read_status

GIB = 1 << 30
GPUS = [GpuLoad(0, "RTX 3060 Ti", 8 * GIB, 0, 0), GpuLoad(1, "TITAN Xp", 12 * GIB, 0, 0)]
FAKE_QUEUE = Path(__file__).parent / "fake_queue.py"

MakeRun = Callable[..., RunDir]
Notified = tuple[str, Callable[[], list[list[str]]]]
Serve = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "상태"))


@pytest.fixture
def queued(make_run: MakeRun) -> MakeRun:
    """Make a run of a device and put it into the queue."""

    def make(
        name: str, device: str = "auto", after: tuple[RunDir, ...] = (), **options: Any
    ) -> RunDir:
        run = make_run(name, evaluate=False, **options)
        # What `auto` is gets known when the run starts.
        environment = {} if device == "auto" else {"CUDA_VISIBLE_DEVICES": device}
        spec = dataclasses.replace(RunSpec.load(run), device=device, environment=environment)
        spec.dump(run)
        add(run, after)
        return run

    return make


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start the queue's process: on these GPUs, or with that fault of their driver."""
    started: list[subprocess.Popen[bytes]] = []

    def start(train: str, gpus: Sequence[GpuLoad] | str = ()) -> subprocess.Popen[bytes]:
        loads = tmp_path / "loads.json"
        told = gpus if isinstance(gpus, str) else [dataclasses.asdict(gpu) for gpu in gpus]
        loads.write_text(json.dumps(told))
        argv = [sys.executable, FAKE_QUEUE, "serve", loads, *train.split()]
        with (tmp_path / "queue.log").open("ab") as log:
            started.append(subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    for entry in read_queue().entries:  # where a test has failed
        for process_id in processes(entry.run).values():
            os.kill(process_id.pid, signal.SIGKILL)


def events(run: RunDir, kind: str, role: str = "supervise") -> list[dict[str, Any]]:
    return [event for event in read_events(run, role) if event["kind"] == kind]


def devices(run: RunDir) -> list[str]:
    """What the supervisor claimed, and what the trainer was shown of it."""
    (supervisor,) = events(run, "started")
    (trainer,) = events(run, "started", "train")
    return [*supervisor["devices"], trainer["visible"]]


def test_without_gpus_one_runs_at_a_time(queued: MakeRun, serve: Serve) -> None:
    """In the order of the queue; it is empty then, and its process has ended."""
    runs = [queued("밤 1"), queued("밤 2", "none"), queued("밤 3", "0")]
    assert [read_status(run).state for run in runs] == ["queued"] * 3

    assert serve("4 2 0.02").wait(120) == 0

    assert [read_status(run).state for run in runs] == ["done"] * 3
    for before, after in itertools.pairwise(runs):
        assert events(before, "trainer_ended")[0]["time"] < events(after, "started")[0]["time"]
    assert devices(runs[0]) == ["cpu", "-1"]
    assert read_queue().entries == ()


def test_a_stopped_run_goes_on_in_its_turn(queued: MakeRun, serve: Serve) -> None:
    """`odapi resume RUN --queue`: from its newest checkpoint, behind what waits already."""
    run = queued("먼저")
    dataclasses.replace(RunSpec.load(run), num_steps=400).dump(run)
    assert serve("400 2 0.02").poll() is None
    assert wait_until(lambda: len(run.checkpoints()) > 2, 60)
    stop_run(run)
    step = events(run, "stopped", "train")[-1]["step"]
    other = queued("나중")

    put_back(run)
    assert (read_status(run).state, read_status(run).what) == ("queued", "")
    assert [row.run for row in control.describe_queue(read_queue(), [])] == ["나중", "먼저"]
    assert serve(f"{step + 4} 2 0").wait(120) == 0

    assert [read_status(one).state for one in (other, run)] == ["done", "done"]
    assert events(run, "started", "train")[-1]["resumed_from_step"] == step
    ended, began = events(other, "finished")[0], events(run, "started")[-1]
    assert ended["time"] < began["time"]


def test_who_takes_it_out_again_leaves_it_stopped(queued: MakeRun) -> None:
    """Its state is what its last supervisor told."""
    run = queued("a")
    control.cancel_queued(run)
    told = EventLog(run, "supervise")
    told.write("started", process=identify(os.getpid()).dump())
    told.write("stopped", waiting=0, what="on request", signalled=True)
    put_back(run)
    assert read_status(run).state == "queued"

    control.cancel_queued(run)
    assert (read_status(run).state, read_status(run).what) == ("stopped", "on request")


def put_back(run: RunDir) -> None:
    """Into the queue, which nobody serves by it."""
    lock = prepare_resume(run, queue=True)
    os.close(lock)
    add(run)


def test_each_gpu_gets_a_run(queued: MakeRun, serve: Serve) -> None:
    """Two at once, a GPU each; the third waits for the first of them to end."""
    runs = [queued(name) for name in "abc"]
    serve("6 2 0.1", GPUS)
    assert wait_until(lambda: read_status(runs[1]).state == "running", 60)

    rows = control.describe_queue(read_queue(), GPUS)
    assert [(row.place, row.run, row.state, row.why) for row in rows] == [
        (1, "a", "running", ""),
        (2, "b", "running", ""),
        (3, "c", "waiting", "no GPU is free"),
    ]
    for run in runs:
        wait_for(run)
    assert [devices(run) for run in runs[:2]] == [["1", "1"], ["0", "0"]]
    ends = [events(run, "trainer_ended")[0]["time"] for run in runs[:2]]
    assert min(ends) < events(runs[2], "started")[0]["time"]


def test_a_gpu_of_somebody_else_is_left_alone(queued: MakeRun, serve: Serve) -> None:
    """Only the other one is used, though his has more memory left."""
    his = dataclasses.replace(GPUS[1], used_bytes=4 * GIB)
    run = queued("a")

    serve("2 2 0", [GPUS[0], his]).wait(120)

    assert devices(run) == ["0", "0"]


def test_a_driver_that_does_not_answer(
    queued: MakeRun, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What wants a GPU waits for it, and is not trained on the CPU; it is said why."""
    runs = [queued("a"), queued("b", "0"), queued("cpu", "none")]
    what = "NVIDIA's driver does not answer (Driver/library version mismatch)"
    serve("2 2 0", what)
    assert wait_until(lambda: read_status(runs[2]).state == "done", 60)

    def fail() -> list[GpuLoad]:
        raise GpuError(what, fix="")

    monkeypatch.setattr(control, "read_loads", fail)
    told = [(row.run, row.state, row.why) for row in control.list_queue()]
    assert told == [("a", "waiting", what), ("b", "waiting", what)]
    (tmp_path / "loads.json").write_text(json.dumps(list(map(dataclasses.asdict, GPUS))))
    for run in runs[:2]:
        assert wait_for(run).state == "done"
    assert [devices(run)[0] for run in runs] == ["1", "0", "cpu"]
    assert (tmp_path / "queue.log").read_text().count(what) == 1


def test_a_gpu_that_is_lost(queued: MakeRun, serve: Serve) -> None:
    """Who named it waits, and it is said why; the other one is used."""
    lost = GpuLoad(1, "", 0, 0, None, fault="GPU is lost")
    named, any_gpu = queued("named", "1"), queued("any")
    process = serve("2 2 0", [GPUS[0], lost])

    assert wait_until(lambda: read_status(any_gpu).state == "done", 60)
    assert devices(any_gpu) == ["0", "0"]
    (row,) = control.describe_queue(read_queue(), [GPUS[0], lost])
    assert (row.run, row.why) == (named.name, "GPU 1 does not answer (GPU is lost)")
    process.kill()


def test_who_wants_a_certain_gpu_is_not_overtaken_on_it(queued: MakeRun, serve: Serve) -> None:
    """A run for both GPUs waits for one; those behind it do not take the other meanwhile."""
    his = dataclasses.replace(GPUS[1], used_bytes=4 * GIB)
    both, behind, cpu = queued("both", "0,1"), queued("behind"), queued("cpu", "none")
    process = serve("2 2 0", [GPUS[0], his])

    assert wait_until(lambda: read_status(cpu).state == "done", 60)
    assert [read_status(run).state for run in (both, behind)] == ["queued", "queued"]
    rows = control.describe_queue(read_queue(), [GPUS[0], his])
    assert (rows[0].run, rows[0].why) == ("both", "GPU 1 is in use")
    process.kill()


def test_after_another_run(queued: MakeRun, serve: Serve) -> None:
    """It waits though a GPU is free."""
    first = queued("first")
    second = queued("second", after=(first,))
    rows = control.describe_queue(read_queue(), GPUS)
    assert [row.why for row in rows] == ["", "after first"]

    assert serve("4 2 0.05", GPUS).wait(120) == 0

    assert events(first, "finished")[0]["time"] < events(second, "started")[0]["time"]


def test_a_crash_in_the_middle(queued: MakeRun, serve: Serve) -> None:
    """The queue's process is killed: its run goes on, the next process starts the rest, once."""
    first, second = queued("a"), queued("b")
    process = serve("10 2 0.1")
    assert wait_until(lambda: read_status(first).state == "running", 60)
    process.kill()
    process.wait()

    assert serve("10 2 0.1").wait(120) == 0

    for run in (first, second):
        assert read_status(run).state == "done"
        assert len(events(run, "started")) == 1


def test_a_reboot_and_a_stepped_clock(queued: MakeRun, serve: Serve) -> None:
    """What ran in an earlier boot goes on, what waited starts, whatever the clock said then."""
    interrupted, stopped, waiting = queued("a"), queued("b"), queued("c")
    before = identify(os.getpid()).dump() | {"boot_id": "an-earlier-boot", "start_ticks": 7}
    for run in (interrupted, stopped):
        EventLog(run, "supervise").write("started", process=before, devices=["cpu"])
    # An orderly shutdown sends SIGTERM to every process.
    EventLog(stopped, "supervise").write("stopped", waiting=0, what="", signalled=True)
    for path in waiting.events.glob("launch-*"):  # written before the clock was set back
        event = json.loads(path.read_text())
        path.write_text(json.dumps(event | {"time": event["time"] + 3600}) + "\n")

    assert serve("2 2 0").wait(120) == 0

    assert [read_status(run).state for run in (interrupted, stopped, waiting)] == ["done"] * 3
    assert "a: goes on" in (queue_file().parents[2] / "queue.log").read_text("utf-8")


def test_a_disk_that_is_not_mounted_yet(queued: MakeRun, serve: Serve) -> None:
    """After a reboot a run may not be there for a while; one that was removed is dropped."""
    run, removed = queued("a"), queued("b")
    workspace = run.root.parent.parent
    shutil.rmtree(removed.root)
    workspace.rename(workspace.with_name("unmounted"))
    process = serve("2 2 0")
    assert wait_until(lambda: not process.poll() and not can_serve(), 30)
    (row, _) = control.describe_queue(read_queue(), [])
    assert (row.run, row.state, row.why) == ("a", "away", "its workspace is not there")

    workspace.with_name("unmounted").rename(workspace)

    assert process.wait(120) == 0
    assert read_status(run).state == "done"


def test_a_killed_supervisor_is_started_again(queued: MakeRun, serve: Serve) -> None:
    """The run goes on from its checkpoint; one that is always killed is let go in the end."""
    run = queued("a")
    serve("40 2 0.05")
    assert wait_until(lambda: len(run.checkpoints()) > 1, 60)
    os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)

    assert wait_until(lambda: read_status(run).state == "done", 60)
    first, second = events(run, "started", "train")
    assert (first["resumed_from_step"], second["resumed_from_step"] > 0) == (0, True)

    for _ in range(4):  # as often as it may be retried, and once more
        EventLog(run, "supervise").write("started", process=identify(os.getpid()).dump())
    dead = identify(os.getpid()).dump() | {"start_ticks": 1}
    EventLog(run, "supervise").write("started", process=dead)
    assert look_at(Entry(run.root)).state == "over"


def test_a_run_that_is_stopped_leaves_the_queue(queued: MakeRun, serve: Serve) -> None:
    """`odapi stop`, before it has begun and while it is at work; the others go on."""
    first, second, third = queued("a"), queued("b"), queued("c")
    stop_run(second)
    process = serve("400 2 0.02")
    assert wait_until(lambda: read_status(first).state == "running", 60)
    stop_run(first)
    assert wait_until(lambda: read_status(third).state == "running", 60)
    stop_run(third)

    assert process.wait(60) == 0
    assert [read_status(run).state for run in (first, second, third)] == ["stopped"] * 3
    assert [len(events(run, "started")) for run in (first, second, third)] == [1, 0, 1]
    assert "odapi resume b" in read_status(second).what


def test_a_run_that_does_not_start_is_given_up(queued: MakeRun, notified: Notified) -> None:
    """After three tries it has failed, and somebody is told; nobody behind it waits for ever."""
    program, calls = notified
    run = queued("a", notify=program)
    run.config.unlink()
    broken = dataclasses.replace(RunSpec.load(run), engine="none-such")
    broken.dump(run)
    from odapi_runner.runs.queue.serve import serve as serve_here

    lock = take_serve_lock()
    assert lock is not None
    serve_here(lock, loads=list, poll_seconds=0)

    status = read_status(run)
    assert (status.state, status.what) == ("failed", "a: the supervisor did not start")
    assert 'there is no engine "none-such"' in run.log("supervise").read_text()
    assert read_queue().entries == ()
    assert calls() == [["a", "failed", "a: the supervisor did not start"]]


def test_a_run_that_is_killed_again_and_again_is_told_of(
    queued: MakeRun, serve: Serve, notified: Notified
) -> None:
    """As often as it may be retried it goes on, which is no end."""
    program, calls = notified
    run = queued("a", notify=program, retries=1)
    process = serve("1000 1000 0.02")
    for count in (1, 2, 3):
        assert wait_until(lambda n=count: len(events(run, "trainer_started")) == n, 60)
        assert calls() == []
        os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)

    assert process.wait(60) == 0
    ((name, state, what),) = calls()
    assert (name, state) == ("a", "lost")
    assert what.startswith("its supervisor died; go on with: odapi resume ")


def test_hours_that_are_over_end_a_run_of_the_queue(
    queued: MakeRun, serve: Serve, notified: Notified
) -> None:
    """Whoever was told of it: it is not started again."""
    program, calls = notified
    run = queued("a", notify=program, max_hours=0.001)

    assert serve("1000 1000 0.02").wait(60) == 0
    assert calls() == [["a", "stopped", "--max-hours 0.001 are over"]]
    assert len(events(run, "started")) == 1


def test_two_at_once(queued: MakeRun, make_run: MakeRun, serve: Serve) -> None:
    """Of two processes one serves; of many who put something in, nobody is lost."""
    runs = [make_run(f"run-{number}", evaluate=False) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, runs))
    assert {entry.root for entry in read_queue().entries} == {run.root for run in runs}
    change_queue(lambda queue: dataclasses.replace(queue, entries=queue.entries[:1], paused=True))

    first = serve("2 2 0")
    assert wait_until(lambda: not can_serve(), 30)
    assert serve("2 2 0").wait(60) == 3
    control.change_queue(lambda queue: dataclasses.replace(queue, paused=False))
    assert first.wait(120) == 0
    done = [run for run in runs if read_status(run).state == "done"]
    assert len(done) == 1


def can_serve() -> bool:
    """Whether no process serves the queue."""
    lock = take_serve_lock()
    if lock is not None:
        os.close(lock)
    return lock is not None


def test_moving_pausing_and_cancelling(queued: MakeRun) -> None:
    """What `odapi queue` does; a place behind the last is the last."""
    runs = {name: queued(name) for name in "abcd"}

    assert control.move_queued(runs["d"], 1) == (1, 4)
    assert control.move_queued(runs["a"], 99) == (4, 4)
    assert [entry.root.name for entry in read_queue().entries] == ["d", "b", "c", "a"]
    control.pause_queue()
    control.cancel_queued(runs["b"])
    rows = control.describe_queue(read_queue(), [])
    assert [(row.place, row.run, row.why) for row in rows] == [
        (1, "d", "the queue is paused"),
        (2, "c", "the queue is paused"),
        (3, "a", "the queue is paused"),
    ]
    assert read_status(runs["b"]).state == "stopped"
    with pytest.raises(RunError, match="b: not in the queue of this machine\n  What is there: d, "):
        control.cancel_queued(runs["b"])


def test_a_queue_whose_process_was_killed(queued: MakeRun, serve: Serve) -> None:
    """It says what to do, and the state of a run that it interrupted that it goes on by itself."""
    run = queued("a")
    server = serve("1000 1000 0.05")
    assert wait_until(lambda: "trainer" in processes(run), 60)
    queued("b")
    server.kill()
    server.wait()
    os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)
    assert wait_until(lambda: not processes(run), 30)

    told = CliRunner().invoke(main, ["queue", "list", "--format", "json"], catch_exceptions=False)
    assert told.stderr == "Nobody serves the queue; go on with: odapi queue start\n"
    assert [(row["run"], row["state"], row["why"]) for row in json.loads(told.stdout)] == [
        ("a", "waiting", "nobody serves the queue: odapi queue start"),
        ("b", "waiting", "nobody serves the queue: odapi queue start"),
    ]
    status = read_status(run)
    what = "its supervisor died; it goes on when it is its turn: odapi queue list"
    assert (status.state, status.what) == ("lost", what)
    serve("1 1 0")
    assert wait_until(lambda: not read_queue().entries, 60)


def test_what_has_begun_is_not_overtaken(queued: MakeRun) -> None:
    """It is not moved itself; who waits between two that run may go on doing so."""
    runs = {name: queued(name) for name in "abcd"}
    for name in "ac":
        told = EventLog(runs[name], "supervise")
        told.write("started", process=identify(os.getpid()).dump())

    assert control.move_queued(runs["b"], 1) == (2, 4)
    assert control.move_queued(runs["d"], 1) == (4, 4)
    assert control.move_queued(runs["b"], 3) == (3, 4)
    assert [entry.root.name for entry in read_queue().entries] == ["a", "c", "b", "d"]
    with pytest.raises(RunError, match="a: running\n  Only what waits can be moved"):
        control.move_queued(runs["a"], 4)


def test_a_run_is_in_the_queue_once(queued: MakeRun) -> None:
    """One that waits is refused with its place; one that has ended is there no longer."""
    first, second = queued("a"), queued("b")

    with pytest.raises(RunError, match="b: in the queue already, at place 2\n  Move it: odapi "):
        prepare_resume(second, queue=True)
    told = EventLog(first, "supervise")
    told.write("started", process=identify(os.getpid()).dump())
    told.write("failed", waiting=0, what="", signalled=False)
    put_back(first)
    assert [entry.root.name for entry in read_queue().entries] == ["b", "a"]


def test_a_damaged_queue_says_what_to_do(queued: MakeRun) -> None:
    """It is replaced by nobody."""
    queued("a")
    queue_file().write_text("{")

    with pytest.raises(RunError, match="not a queue") as raised:
        add(queued("b"))
    assert "odapi resume RUN" in raised.value.fix
    assert queue_file().read_text() == "{"


def test_runs_that_would_wait_for_each_other_are_refused(queued: MakeRun) -> None:
    """However long the circle is: none of them would ever start."""
    first = queued("a")
    second = queued("b", after=(first,))
    third = queued("c", after=(second,))
    control.cancel_queued(first)

    with pytest.raises(RunError, match="would ever start: a after c after b after a\n"):
        prepare_resume(first, queue=True, after=(third,))
    with pytest.raises(RunError, match=r"a after a\n  Leave out --after a$"):
        prepare_resume(first, queue=True, after=(first,))
    os.close(prepare_resume(first, queue=True))
    control.cancel_queued(second)
    os.close(prepare_resume(first, queue=True, after=(third, second)))
