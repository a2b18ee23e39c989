"""What may happen to a run beside kills: disks, terminals, clocks, and files cut short.

Every time the next command tells the truth, `resume` goes on from the newest whole checkpoint,
every evaluation is there once, and nobody is left (`torture.truths`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torture.truths import find_faults, holders

from odapi_runner.errors import RunError
from odapi_runner.formats.best import read_best
from odapi_runner.formats.detections import read_groundtruth
from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs import control
from odapi_runner.runs.control import stop_run, wait_for
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.resume import prepare_resume
from odapi_runner.runs.sessions import ASKED, read_since_asked, seconds_at_work
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import processes, read_status
from support.small_runs import FAKE_ENGINE

MakeRun = Callable[..., RunDir]
ODAPI = (sys.executable, "-m", "odapi_runner")
MIB = 1 << 20


def resume(
    run: RunDir, train: str, evaluate: str = "", **more: Any
) -> subprocess.CompletedProcess[str]:
    """`odapi resume` with the engine without a network: 2 s at most until the supervisor works."""
    argv = [sys.executable, FAKE_ENGINE, "resume", run.root, *train.split(), "--"]
    return subprocess.run(
        [*argv, *evaluate.split()], capture_output=True, text=True, check=False, **more
    )


def go_on(run: RunDir, train: str, evaluate: str = "", **more: Any) -> None:
    done = resume(run, train, evaluate, **more)
    assert done.returncode == 0, done.stderr + run.log("supervise").read_text("utf-8")


def events(run: RunDir, kind: str, *roles: str) -> list[dict[str, Any]]:
    return [event for event in read_events(run, *roles) if event["kind"] == kind]


def wait_for_event(run: RunDir, kind: str, count: int = 1) -> None:
    assert wait_until(lambda: len(events(run, kind)) >= count, 60), read_events(run)


def kill_all(run: RunDir) -> None:
    for process in processes(run).values():
        os.kill(process.pid, signal.SIGKILL)
    assert wait_until(lambda: not holders(run), 30)


@pytest.fixture
def run(make_run: MakeRun) -> Iterator[RunDir]:
    """A run of which nothing outlives its test."""
    made = make_run(num_steps=1000)
    yield made
    if made.root.exists():
        kill_all(made)


def test_events_keep_their_order_whatever_the_clock_does(run: RunDir) -> None:
    """Set back within a process and between two: what follows comes after."""
    times = iter([100.0, 50.0, 50.0, 200.0])
    first = EventLog(run, "train", lambda: next(times))
    for kind in "abcd":
        first.write(kind)
    EventLog(run, "supervise", lambda: 10.0).write("e")

    told = read_events(run)
    assert [event["kind"] for event in told] == list("abcde")
    assert [round(event["time"], 3) for event in told] == [100, 100, 100, 200, 200]


def test_a_clock_that_is_set_back(run: RunDir) -> None:
    """Two hours between two sessions: the state is the later one's, and so is the heartbeat."""
    go_on(run, "1000 2 0.05", env=os.environ | {"FAKE_CLOCK": "7200"})
    wait_for_event(run, "checkpoint", 2)
    kill_all(run)
    assert read_status(run).state == "lost"
    step = 2 * len(run.checkpoints()) - 2

    go_on(run, "1000 2 0.05")
    assert wait_until(lambda: read_status(run).phase == "training", 30)
    status = read_status(run)
    assert status.state == "running"
    assert status.steps_per_second == 20
    assert stop_run(run).state == "stopped"
    go_on(run, "1 1 0")

    assert wait_for(run).state == "done"
    started = events(run, "started", "train")
    assert started[1]["resumed_from_step"] == step
    assert find_faults(run, finished=True) == []


@pytest.mark.parametrize(
    "other",
    [{"boot_id": "an-earlier-boot"}, {"start_ticks": 1}],
    ids=["a reboot", "a pid used again"],
)
def test_the_pids_of_a_run_are_others_now(run: RunDir, other: dict[str, object]) -> None:
    """The run is lost, nobody is touched, and it goes on."""
    go_on(run, "1000 2 0.05")
    wait_for_event(run, "evaluated")
    kill_all(run)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    for path in run.events.glob("supervise-*"):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for line in lines:
            if "process" in line:
                line["process"] |= {"pid": stranger.pid} | other
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")

    assert read_status(run).state == "lost"
    with pytest.raises(RunError, match="nothing to stop, its state is lost"):
        stop_run(run)
    go_on(run, "1 1 0")

    assert wait_for(run).state == "done"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert find_faults(run, finished=True) == []


def odapi_stop(run: RunDir) -> subprocess.CompletedProcess[str]:
    words = [*ODAPI, "stop", run.name, "-w", str(run.root.parent.parent)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_trainer_that_outlives_its_supervisor(run: RunDir) -> None:
    """While it saves `resume` says so, and `stop` waits for it; then the run goes on."""
    go_on(run, "1000 1000 3")
    wait_for_event(run, "checkpoint")
    os.kill(processes(run)["supervisor"].pid, signal.SIGKILL)
    assert wait_until(lambda: "supervisor" not in processes(run), 30)

    status = read_status(run)
    assert status.state == "lost"
    assert status.what == (
        f"its supervisor died; go on with: odapi resume {run.typed} "
        f"(its trainer is about to end; odapi stop {run.typed} waits for it)"
    )
    refused = resume(run, "1 1 0")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"Error: {run.name}: its supervisor died, its trainer is still about to end\n"
        f"  Try again when it has; this waits for it: odapi stop {run.typed}\n"
    )
    stopped = odapi_stop(run)

    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stderr == (
        f"Stopping {run.name}; its supervisor is dead, what has outlived it is ending.\n"
        f"its supervisor died; go on with: odapi resume {run.typed}\n"
    )
    assert not processes(run)
    step = events(run, "stopped", "train")[0]["step"]
    go_on(run, f"{step + 1} 1000 0")
    assert wait_for(run).state == "done"
    assert [event["resumed_from_step"] for event in events(run, "started", "train")] == [0, step]
    assert find_faults(run, finished=True) == []


def test_stop_of_a_run_that_only_evaluates(run: RunDir) -> None:
    """It has no trainer any more that would save."""
    go_on(run, "2 1 0", "--seconds 3")
    assert wait_until(lambda: read_status(run).state == "evaluating", 60)
    stopped = odapi_stop(run)

    assert stopped.returncode == 0, stopped.stderr
    told = f"Stopping {run.name}; what waits for the evaluator goes on waiting.\n"
    assert stopped.stderr.startswith(told)
    assert find_faults(run) == []


def test_a_lock_that_somebody_unknown_holds(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost run of which a process is left that its events do not tell of: it is not ended."""
    monkeypatch.setattr(control, "_LAST_SECONDS", 0.5)
    go_on(run, "1000 1000 0.05")
    wait_for_event(run, "checkpoint")
    kill_all(run)
    lock = take_lock(run)

    with pytest.raises(RunError, match="a process that odapi does not know holds on to it"):
        stop_run(run)
    os.close(lock)


def test_a_resume_is_asked_for(run: RunDir) -> None:
    """Hours and tries begin anew."""
    go_on(run, "1000 2 0.05")
    wait_for_event(run, "checkpoint")
    stop_run(run)
    assert seconds_at_work(read_since_asked(run)) > 0
    asked = len(events(run, ASKED, "launch"))

    lock = prepare_resume(run)
    assert read_since_asked(run) == []
    assert len(events(run, ASKED, "launch")) == asked + 1
    os.close(lock)


def test_of_several_resumes_at_once_one_goes_on(run: RunDir) -> None:
    """The others say that processes of the run are alive; there is one supervisor."""
    argv = [sys.executable, FAKE_ENGINE, "resume", run.root, "1000", "2", "0.05", "--"]
    started = [
        subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True)
        for _ in range(3)
    ]
    told = sorted((one.communicate(timeout=60)[1], one.returncode) for one in started)

    assert [code for _, code in told] == [0, 1, 1]
    for text, _ in told[1:]:
        assert text.startswith(f"Error: {run.name}: processes of this run are alive\n")
    assert len(events(run, "started", "supervise")) == 1
    stop_run(run)
    assert find_faults(run) == []


def test_a_terminal_that_closes_under_a_run_in_the_foreground(run: RunDir) -> None:
    """It is a SIGHUP and a terminal that takes no more: the trainer saves, the run is stopped."""
    words = ["foreground", str(run.root), "1000", "1000", "0.02", "--"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, str(FAKE_ENGINE), *words])
    wait_for_event(run, "checkpoint")
    assert wait_until(lambda: (read_status(run).step or 0) > 5, 30)
    os.close(terminal)  # what is written there fails from now on
    os.waitpid(pid, 0)

    assert read_status(run).state == "stopped"
    (stopped,) = events(run, "stopped", "train")
    assert events(run, "checkpoint")[-1]["step"] == stopped["step"] > 5
    assert find_faults(run) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB of its own."""
    place = tmp_path / "작은 disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def run_on(disk: Path, run: RunDir) -> RunDir:
    """The same run in a workspace on a disk."""
    moved = RunDir(disk / "train" / run.name)
    shutil.copytree(run.root, moved.root)
    return moved


def fill(disk: Path) -> Path:
    """Leave no room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        while stream.tell() < 4 * MIB:
            try:
                stream.write(bytes(4096))
            except OSError:
                return ballast
    raise AssertionError("the disk is larger than it was made")


def test_a_full_disk(run: RunDir, small_disk: Path) -> None:
    """Every process ends; it is said that the disk is full; with room again it goes on."""
    full = run_on(small_disk, run)
    go_on(full, "1000 2 0.05")
    wait_for_event(full, "evaluated", 2)
    ballast = fill(small_disk)
    assert wait_until(lambda: not holders(full), 60)

    status = read_status(full)
    assert status.state in {"lost", "failed"}
    assert "disk is full" in status.what or "No space left" in status.what
    refused = resume(full, "1000 2 0.05")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "disk is full" in refused.stderr or "No space left" in refused.stderr

    ballast.unlink()
    go_on(full, "1 1 0")
    assert wait_for(full).state == "done"
    assert find_faults(full, finished=True) == []


@pytest.mark.parametrize("name", ["supervisor", "trainer", "evaluator"])
def test_a_process_that_can_write_no_more(run: RunDir, tmp_path: Path, name: str) -> None:
    """A limit on the size of its files: whatever it had begun is whole or not there.

    Somebody is told of the end, where no event can be.
    """
    program = tmp_path / "tell"
    program.write_text('#!/bin/sh\n: > "../../../told $2"\n')
    program.chmod(0o755)
    spec = RunSpec.load(run)
    options = dataclasses.replace(spec.options, notify=str(program))
    dataclasses.replace(spec, options=options).dump(run)
    go_on(run, "1000 2 0.05", "--seconds 0.05")
    wait_for_event(run, "evaluated")
    pid = processes(run)[name].pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (40, 40))
    if name == "supervisor":  # it has something to tell then
        os.kill(processes(run)["evaluator"].pid, signal.SIGKILL)
    # A new evaluator has no limit: it goes on by itself.
    assert wait_until(lambda: processes(run).get(name) is None or pid not in pids(run), 60)
    if name == "evaluator":
        wait_for_event(run, "evaluated", len(events(run, "evaluated")) + 2)
        stop_run(run)
    assert wait_until(lambda: not holders(run), 60)

    assert read_status(run).has_ended
    end = "stopped" if name == "evaluator" else "failed"
    assert [path.name for path in tmp_path.glob("told *")] == [f"told {end}"]
    go_on(run, "1 1 0")
    assert wait_for(run).state == "done"
    assert find_faults(run, finished=True) == []


def pids(run: RunDir) -> set[int]:
    return {process.pid for process in processes(run).values()}


def test_a_folder_that_can_only_be_read(run: RunDir, small_disk: Path) -> None:
    """What reads goes on working; what writes says so in a sentence."""
    locked = run_on(small_disk, run)
    go_on(locked, "4 2 0")
    wait_for(locked)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    def odapi(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ODAPI, *words], cwd=small_disk, capture_output=True, text=True, check=False
        )

    shown = odapi("status", "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    assert f"{run.name},done" in shown.stdout
    for words in (["resume", run.name, "--num-steps", "2000"], ["eval", run.name, "--step", "4"]):
        refused = odapi(*words)
        assert refused.returncode == 1
        place = locked.lock
        assert refused.stderr == (
            f"Error: {place}: cannot be read or written: Read-only file system\n"
            "  Make it yours to write (chmod, mount), or work in another folder: -w DIR\n"
        )
    assert find_faults(locked) == []


# What tells of the past, one by one; the rest is at once.
EACH = (
    "events/train-*",
    "events/eval-*",
    "events/supervise-*",
    "detections/step-6.npz",
    "detections/step-0.npz",
    "best/ckpt-*.index best/ckpt-*.data-*",
)
OF_NOW = """
progress-train.json progress-eval.json metrics.csv checkpoint best/metrics.json best/checkpoint
best/pipeline.config detections/groundtruth.npz
"""


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run that failed at its seventh step: four evaluations, of which that of step 4 was best."""
    from runs.conftest import CONFIG, build_spec

    run = RunDir(tmp_path_factory.mktemp("작업 공간") / "train" / "밤")
    run.root.mkdir(parents=True)
    build_spec("밤", num_steps=1000, reduce_on_plateau="mAP:patience=1,factor=0.5").dump(run)
    run.config.write_text(CONFIG, encoding="utf-8")
    go_on(run, "8 2 0.1 --crash-at 7", "--peak 4")
    assert wait_for(run).state == "failed"
    return run


def test_a_file_of_each_kind_cut_short(stopped_run: RunDir, tmp_path: Path) -> None:
    """The state is what it was; afterwards everything is there again, and the best is the best."""
    told = {}
    for place, kinds in enumerate((OF_NOW, *EACH)):
        run = RunDir(tmp_path / f"{place}" / "train" / "밤")
        shutil.copytree(stopped_run.root, run.root)
        for kind in kinds.split():
            (path,) = list(run.root.glob(kind)) or [run.root / kind]
            path.touch()
            halve(path)
        state = read_status(run).state
        go_on(run, "8 2 0", "--peak 4")
        told[kinds] = (
            state,
            wait_for(run).state,
            run.evaluated_steps(),
            getattr(read_best(run), "step", None),
            find_faults(run, finished=True) if not kinds.startswith("events") else [],
        )

        assert read_groundtruth(run.groundtruth).source_ids.size == 0, kinds
        assert (run.best / "pipeline.config").read_text("utf-8") == run.config.read_text("utf-8")

    expected = ("failed", "done", [0, 2, 4, 6, 8], 4, [])
    lost = ("lost", *expected[1:])  # how it ended was in the half that is gone
    assert told == {kinds: lost if "supervise" in kinds else expected for kinds in told}


def test_a_lowered_rate_cut_short(stopped_run: RunDir, tmp_path: Path) -> None:
    """It follows from the evaluations: the trainer finds it as it was when it starts again."""
    run = RunDir(tmp_path / "train" / "밤")
    shutil.copytree(stopped_run.root, run.root)
    run.rate.write_text('{"format": 1, "fac')

    go_on(run, "6 2 0", "--peak 4")

    assert wait_for(run).state == "done"
    assert read_rate(run) == 0.5


@pytest.mark.parametrize("name", ["run.json", "run.2.json"])
def test_what_was_asked_cut_short(stopped_run: RunDir, tmp_path: Path, name: str) -> None:
    """It is in no other file: that run says so with a remedy, the others go on being listed."""
    train = tmp_path / "train"
    for run in ("밤", "낮"):
        shutil.copytree(stopped_run.root, train / run)
    (tmp_path / "odapi.toml").touch()
    broken = RunDir(train / "밤")
    if name == "run.2.json":
        shutil.copy(broken.config_of(1), broken.config_of(2))
        shutil.copy(broken.run_json_of(1), broken.root / name)
    halve(broken.root / name)

    listed = subprocess.run(
        [*ODAPI, "status", "--format", "csv"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.returncode == 0
    assert "낮,failed" in listed.stdout
    assert f"{name}: not the run.json of a run" in listed.stderr
    refused = resume(broken, "8 2 0")
    assert refused.returncode == 1
    remedy = "remove it: the run is as revision 1" if "2" in name else "odapi train --config"
    assert remedy in refused.stderr
    if name == "run.2.json":
        (broken.root / name).unlink()
        go_on(broken, "8 2 0")
        assert wait_for(broken).state == "done"


@pytest.mark.parametrize(
    "part", ["data-00000-of-00001", "index", "state.json", "no byte of the index"]
)
def test_the_newest_checkpoint_is_not_whole(stopped_run: RunDir, tmp_path: Path, part: str) -> None:
    """Training goes on from the one before; the step that was lost is made and evaluated again."""
    run = RunDir(tmp_path / "train" / "밤")
    shutil.copytree(stopped_run.root, run.root)
    newest = run.checkpoints()[-1]
    if part == "no byte of the index":
        os.truncate(run.root / f"ckpt-{newest}.index", 0)
    else:
        path = run.root / f"ckpt-{newest}.{part}"
        if part == "state.json":
            path.write_text('{"format": 1, "rate_factor": 0.5}\n')
        halve(path)
    (run.root / f"ckpt-{newest + 1}_temp").mkdir()  # TensorFlow was writing the next one
    (run.root / ".metrics.4711.tmp.csv").write_text("step,mA")

    go_on(run, "8 2 0", "--peak 4")

    assert wait_for(run).state == "done"
    assert [event["number"] for event in events(run, "rejected")] == [newest]
    assert events(run, "started", "train")[-1]["resumed_from_step"] == 4
    assert run.evaluated_steps() == [0, 2, 4, 6, 8]
    assert find_faults(run, finished=True) == []
    assert not [path.name for path in run.root.iterdir() if "temp" in path.name]
    assert not list(run.root.glob(".*tmp*"))


def test_the_newest_checkpoint_is_the_best_and_not_whole(run: RunDir) -> None:
    """`best/` has another name of the same file: it gets what is saved again in its place."""
    go_on(run, "8 2 0 --crash-at 7")
    wait_for(run)
    newest = run.checkpoints()[-1]
    data = f"ckpt-{newest}.data-00000-of-00001"
    assert (run.best / data).samefile(run.root / data)
    halve(run.root / data)

    go_on(run, "6 2 0")

    assert wait_for(run).state == "done"
    assert [event["number"] for event in events(run, "rejected")] == [newest]
    best = read_best(run)
    assert best is not None
    assert (best.number, best.step) == (newest, 6)
    assert (run.best / data).samefile(run.root / data)
    assert find_faults(run, finished=True) == []


def test_a_copy_that_waits_cut_short(run: RunDir) -> None:
    """As where a file system has no links: the checkpoint itself is whole, and handed over anew."""
    go_on(run, "6 2 0", "--no-such-option")
    wait_for(run)
    for path in run.pending.glob("ckpt-2.*"):
        half = path.read_bytes()[: path.stat().st_size // 2]
        path.unlink()
        path.write_bytes(half)

    go_on(run, "6 2 0")

    assert wait_for(run).state == "done"
    assert run.evaluated_steps() == [0, 2, 4, 6]
    assert find_faults(run, finished=True) == []
