"""status, logs, wait, stop, resume, eval: what is printed, and how they end.

Runs are folders as the processes leave them; tests/runs has the processes themselves.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pynvml
import pytest
from click.testing import CliRunner, Result

from odapi_runner import files
from odapi_runner.cli import main
from odapi_runner.cli.following import LineReader
from odapi_runner.formats.rate import write_rate
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs import gpu_load
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import identify
from odapi_runner.runs.queue.entries import add
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace
from support import nvml
from support.checkpoints import write_checkpoint

COMMANDS = ["status", "logs", "wait", "stop", "resume", "eval"]
Invoke = Callable[..., Result]


@pytest.fixture
def odapi(tmp_path: Path) -> Invoke:
    """Run a command in a workspace."""

    def invoke(*words: str) -> Result:
        command = [words[0], *words[1:], "-w", str(tmp_path)]
        return CliRunner().invoke(main, command, catch_exceptions=False)

    return invoke


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunDir]:
    """A run as it is when it has ended: with an end, scores by step, and its last heartbeat."""

    def make(
        name: str,
        end: str | None,
        scores: dict[int, float],
        what: str = "",
        options: dict[str, Any] | None = None,
    ) -> RunDir:
        run = RunDir(tmp_path / "train" / name)
        run.root.mkdir(parents=True)
        asked, digests = RunOptions(**options or {}), Digests("c", {}, {})
        RunSpec(name, "", (), "builtin", "none", {}, 40, (), asked, {}, digests).dump(run)
        supervisor, evaluator = EventLog(run, "supervise"), EventLog(run, "eval")
        dead = identify(os.getpid()).dump() | {"start_ticks": 1}
        supervisor.write("started", process=dead)
        for number, (step, score) in enumerate(scores.items()):
            EventLog(run, "train").write("checkpoint", number=number, step=step)
            evaluator.write("evaluated", number=number, step=step, mAP=score)
        rows = "".join(f"{step},{score}\n" for step, score in scores.items())
        run.metrics_csv.write_text(f"step,mAP\n{rows}", encoding="utf-8")
        if end:
            supervisor.write(end, waiting=0, what=what)
        progress: dict[str, Any] = {"time": 0.0, "phase": "done", "step": 40}
        files.write_json(run.progress("train"), progress)
        return run

    return make


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_run_is_two_lines(command: str, odapi: Invoke, make_run: Any) -> None:
    """What happened, what to do; exit 1; nothing on stdout."""
    make_run("kitti-d0", "finished", {})
    result = odapi(command, "kitti-d1")

    assert result.exit_code == 1
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith('Error: "kitti-d1": no such run in ')
    assert second == '  Did you mean "kitti-d0"?'


@pytest.mark.parametrize("command", ["status", "compare"])
def test_a_wrong_folder_is_told_from_an_empty_workspace(
    command: str, odapi: Invoke, tmp_path: Path
) -> None:
    """Whoever stands beside the workspace is told so, not to start a run."""
    assert f"{tmp_path} is no workspace: there is no odapi.toml" in odapi(command).stderr

    Workspace(tmp_path).mark()
    result = odapi(command)
    assert "is no workspace" not in result.stderr
    assert "odapi train NAME" in result.stderr


def test_a_driver_that_does_not_answer_is_a_note(
    odapi: Invoke, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr; the runs are told all the same, and nobody asks where none lives."""
    monkeypatch.setattr(gpu_load, "can_use_gpu", lambda: True)
    nvml.pretend(monkeypatch, nvmlDeviceGetCount=pynvml.NVML_ERROR_UNKNOWN)
    run = make_run("d0", "finished", {})
    assert odapi("status", "--json").stderr == ""
    EventLog(run, "supervise").write("started", process=identify(os.getpid()).dump())

    told = odapi("status", "--json")
    assert told.stderr == "note: NVIDIA's driver does not answer (Unknown Error)\n"
    assert [one["run"] for one in json.loads(told.stdout)] == ["d0"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_run_json_is_two_lines(command: str, odapi: Invoke, make_run: Any) -> None:
    """Named with its path, whatever the command."""
    run = make_run("d0", "finished", {})
    run.run_json.write_text("{", encoding="utf-8")
    words = [command, "d0", "-f"] if command == "logs" else [command, "d0"]
    result = odapi(*words)

    assert result.exit_code == 1
    first, second = result.stderr.splitlines()[-2:]
    assert first.startswith(f"Error: {run.run_json}: not the run.json of a run")
    assert "Restore the file" in second


@pytest.mark.parametrize("command", [*COMMANDS, "train"])
def test_a_wrong_option_is_wrong_usage(command: str, odapi: Invoke) -> None:
    """Exit 2, as click has it."""
    result = odapi(command, "--no-such-option")

    assert result.exit_code == 2
    assert "No such option '--no-such-option'" in result.stderr


@pytest.mark.parametrize("command", [*COMMANDS, "train"])
def test_help_has_an_example(command: str, odapi: Invoke) -> None:
    """Every command shows how it is used."""
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert f"Example:\n    odapi {command}" in result.stdout


def test_status_shows_all_runs(odapi: Invoke, make_run: Any) -> None:
    """A row a run, in the order of names; why one failed goes to stderr."""
    make_run("b-신호등", "failed", {0: 0.0, 20: 0.5, 40: 0.25}, what="step 3: not finite")
    make_run("a", "finished", {})
    result = odapi("status")

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines() if "─" not in line]
    assert lines == [
        "run state phase step steps/s time left last mAP best mAP waiting",
        "a done 40 of 40",
        "b-신호등 failed 40 of 40 0.2500 at 40 0.5000 at 20",
    ]
    assert result.stderr == "b-신호등: failed: step 3: not finite\n"


def test_status_for_programs(odapi: Invoke, make_run: Any) -> None:
    """JSON has numbers, and everything that is known; what is no number is null."""
    run = make_run("d0", "stopped", {20: 0.5, 40: 0.25})
    run.log("train").write_text(
        "INFO:tensorflow:Step 20 per-step time 0.1s\nINFO:tensorflow:{'Loss/total_loss': 1.5}\n"
        "INFO:tensorflow:Step 40 per-step time 0.1s\nINFO:tensorflow:{'Loss/total_loss': nan}\n",
        encoding="utf-8",
    )

    result = odapi("status", "d0", "--json")

    assert json.loads(result.stdout) == [
        {
            "run": "d0",
            "state": "stopped",
            "phase": None,
            "step": 40,
            "num_steps": 40,
            "steps_per_second": None,
            "seconds_left": None,
            "loss": None,
            "metric": "mAP",
            "last_step": 40,
            "last_score": 0.25,
            "best_step": 20,
            "best_score": 0.5,
            "waiting": 0,
            "rate_factor": 1.0,
            "parent": None,
            "parent_step": None,
            "options": "",
            "what": "",
            "scores": {"20": 0.5, "40": 0.25},
            "losses": {"20": 1.5, "40": None},
            "gpus": [],
        }
    ]
    assert odapi("status", "d0", "--format", "json").stdout == result.stdout


def test_status_of_one_run_has_its_options_and_what_was_done(odapi: Invoke, make_run: Any) -> None:
    """What was asked for, what is left of the learning rate, and each deed with its time."""
    run = make_run("d0", "failed", {}, options={"on_nan": "rollback"})
    write_rate(run, 0.5, "once not finite")
    events = EventLog(run, "supervise")
    events.write("retrying", what="step 3: not finite", done="from ckpt-1 on", retry=1, of=3)
    events.write("failed", waiting=0, what="step 9: not finite")
    result = odapi("status", "d0")

    _, options, rate, deed = result.stdout.rsplit("\n", 4)[:-1]
    assert options == "options: --on-nan rollback"
    assert rate == "learning rate: 0.5 times the schedule's"
    assert deed.partition("  ")[2] == "retrying: from ckpt-1 on: step 3: not finite"


def test_watching_needs_a_terminal(odapi: Invoke, make_run: Any) -> None:
    """A program is told what it may use; a format of its own is refused."""
    make_run("d0", "finished", {})

    result = odapi("status", "--watch")
    assert result.exit_code == 2
    assert "For a program: odapi status --json" in result.stderr
    assert odapi("status", "--watch", "--json").exit_code == 2


def test_status_shows_who_came_from_whom(odapi: Invoke, make_run: Any) -> None:
    """Each below the run whose checkpoint it began with; of one its whole family."""
    for name, parent in (("신호등", None), ("신호등-2", "신호등"), ("a", None), ("b", "신호등-2")):
        run = make_run(name, "finished", {})
        spec = replace(RunSpec.load(run), parent=parent, parent_step=parent and 20)
        spec.dump(run)
    result = odapi("status", "--tree", "--format", "markdown")

    assert result.exit_code == 0
    cells = [line.split("|") for line in result.stdout.splitlines()[2:]]
    assert [(row[1].rstrip(), row[-2].strip()) for row in cells] == [
        (" a", ""),
        (" 신호등", ""),
        (" └─ 신호등-2", "신호등 at 20"),
        ("    └─ b", "신호등-2 at 20"),
    ]
    assert (
        "a " not in odapi("status", "신호등-2", "--tree").stdout.split("신호등")[0].split("\n")[-1]
    )
    assert odapi("status", "--tree", "--json").exit_code == 2
    watched = odapi("status", "--tree", "--watch")
    assert watched.exit_code == 2
    assert "--watch and --tree do not go together" in watched.stderr


def test_status_of_an_empty_workspace_says_how_to_start(odapi: Invoke, tmp_path: Path) -> None:
    """No table of nothing."""
    Workspace(tmp_path).mark()
    result = odapi("status")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "odapi train NAME" in result.stderr


@pytest.mark.parametrize(
    ("end", "code"), [("finished", 0), ("failed", 1), (None, 1), ("stopped", 3)]
)
def test_wait_tells_the_end_by_its_exit_code(
    odapi: Invoke, make_run: Any, end: str | None, code: int
) -> None:
    """0 done, 1 failed or lost, 3 stopped."""
    make_run("d0", end, {40: 0.25})
    result = odapi("wait", "d0")

    assert result.exit_code == code
    state = {"finished": "done", None: "lost"}.get(end, end)
    assert result.stdout == f"d0: {state}, step 40 of 40, best mAP 0.2500 at 40\n"


def test_logs_prints_what_was_printed(odapi: Invoke, make_run: Any) -> None:
    """The trainer's or the evaluator's; none is no error; a line without an end is one."""
    run = make_run("d0", "finished", {})
    run.log("train").write_text("Step 100\n\nStep 200 한 걸음", encoding="utf-8")

    assert odapi("logs", "d0").stdout == "Step 100\n\nStep 200 한 걸음\n"
    assert odapi("logs", "d0", "-f", "--train").stdout == "Step 100\n\nStep 200 한 걸음\n"
    assert odapi("logs", "d0", "-n", "1").stdout == "Step 200 한 걸음\n"
    assert odapi("logs", "d0", "-n", "0").stdout == ""
    assert odapi("logs", "d0", "--eval").stdout == ""


def test_logs_of_a_run_without_any_says_so(
    odapi: Invoke, make_run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that waits in the queue has printed nothing, which is no error."""
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path / "state"))
    run = make_run("d0", None, {})
    for path in run.events.glob("supervise-*"):
        path.unlink()
    add(run)
    result = odapi("logs", "d0")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "d0: nothing is logged yet, it is queued\n"


@contextmanager
def ctrl_c() -> Iterator[None]:
    """One for this process, in a second; as a person would, again where it was not heeded.

    Python drops an interrupt that comes while it cleans up an object.
    """
    done = threading.Event()

    def press() -> None:
        delay = 1.0
        while not done.wait(delay):
            os.kill(os.getpid(), signal.SIGINT)
            delay = 10.0

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("words", [("wait",), ("logs", "-f")])
def test_ctrl_c_ends_the_watching_not_the_run(
    words: tuple[str, ...], odapi: Invoke, make_run: Any
) -> None:
    """It says so, and how the run is ended; no outcome has this exit code."""
    run = make_run("밤 run", None, {})
    EventLog(run, "supervise").write("started", process=identify(os.getpid()).dump())
    with ctrl_c():
        result = odapi(*words, "밤 run")

    assert result.exit_code == 130
    assert result.stderr == (
        "Interrupted: 밤 run goes on without this; end it with: odapi stop '밤 run'\n"
    )


def test_logs_follows_both_each_behind_its_name(odapi: Invoke, make_run: Any) -> None:
    """The last lines of each; an ended run is not followed."""
    run = make_run("d0", "finished", {})
    run.log("train").write_text("".join(f"Step {n}\n" for n in range(100)), encoding="utf-8")
    run.log("eval").write_text("mAP 0.5\n", encoding="utf-8")
    lines = odapi("logs", "d0", "-f").stdout.splitlines()

    assert (len(lines), lines[0], lines[-2:]) == (
        21,
        "train │ Step 80",
        ["train │ Step 99", "eval  │ mAP 0.5"],
    )


@pytest.mark.parametrize("more", [(), ("-f",)])
def test_logs_shows_both_where_both_are_asked_for(
    odapi: Invoke, make_run: Any, more: tuple[str, ...]
) -> None:
    """The last lines of each, followed or not."""
    run = make_run("d0", "finished", {})
    run.log("train").write_text("Step 1\nStep 2\n", encoding="utf-8")
    run.log("eval").write_text("mAP 0.25\nmAP 0.5\n", encoding="utf-8")

    result = odapi("logs", "d0", "--eval", "--train", "-n", "1", *more)

    assert result.stdout.splitlines() == ["train │ Step 2", "eval  │ mAP 0.5"]


def test_a_growing_log_is_read_line_by_line(tmp_path: Path) -> None:
    """Each line once and whole, though a look may come in the middle of a character."""
    path = tmp_path / "train.log"
    log = LineReader(path)
    assert log.read_new() == []

    text = "Step 1\nStep 2\n걸음".encode()
    path.write_bytes(text[:-1])
    assert LineReader(path, last=1).read_new() == ["Step 2"]
    assert log.read_new() == ["Step 1", "Step 2"]
    path.write_bytes(text)
    assert log.read_new() == []
    path.write_bytes(text + b" 3\nStep 4\nStep")
    assert log.read_new() == ["걸음 3", "Step 4"]
    assert log.read_new(rest=True) == ["Step"]
    assert log.read_new(rest=True) == []


def test_stop_of_an_ended_run_is_refused(odapi: Invoke, make_run: Any) -> None:
    """There is nothing to stop; the state is said."""
    make_run("d0", "finished", {})
    result = odapi("stop", "d0")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: d0: nothing to stop, its state is done\n")
    assert result.stderr.endswith(
        "  See how it went: odapi report d0; train on: odapi resume d0 --num-steps N\n"
    )


def test_a_hint_quotes_a_name_with_a_space(odapi: Invoke, make_run: Any) -> None:
    """What is said to be typed can be typed."""
    make_run("night run", "stopped", {20: 0.5})

    result = odapi("stop", "night run")

    assert "Go on with it: odapi resume 'night run'\n" in result.stderr


def test_resume_of_a_finished_run_is_refused(odapi: Invoke, make_run: Any) -> None:
    """It has nothing left to do."""
    make_run("d0", "finished", {})
    result = odapi("resume", "d0")

    assert result.exit_code == 1
    assert "Error: d0: finished at step 40, there is nothing to resume\n" in result.stderr


def test_eval_of_a_step_without_checkpoint_names_those_there_are(
    odapi: Invoke, make_run: Any
) -> None:
    """Rotation has taken the others."""
    run = make_run("d0", "finished", {0: 0.0, 20: 0.1, 40: 0.2})
    for number, step in ((1, 20), (2, 40)):
        write_checkpoint(run.root / f"ckpt-{number}", {"w": (2,)}, step=step)
    result = odapi("eval", "d0", "--step", "0")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: d0: there is no checkpoint of step 0",
        "  Steps whose checkpoints are kept: 20, 40",
    ]


def test_eval_with_nothing_to_do_says_so(odapi: Invoke, make_run: Any) -> None:
    """An empty table, and a sentence on stderr."""
    make_run("d0", "finished", {40: 0.2})
    result = odapi("eval", "d0", "--format", "json")

    assert (result.exit_code, result.stdout) == (0, "[]\n")
    assert result.stderr == "d0: every checkpoint that is kept has its evaluation.\n"


def test_eval_of_neither_a_step_nor_all_is_wrong_usage(odapi: Invoke, make_run: Any) -> None:
    """Exit 2."""
    result = odapi("eval", "d0", "--step", "last")

    assert result.exit_code == 2
    assert '"last" is neither a step nor "all"' in result.stderr


@pytest.mark.parametrize("command", ["resume", "stop", "eval"])
def test_a_run_elsewhere_is_left_alone(
    command: str, odapi: Invoke, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine's run with a fresh heartbeat lives, though no process of it is here."""
    monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
    run = make_run("d0", None, {})
    monkeypatch.undo()
    files.write_json(run.progress("train"), {"time": 9e9, "phase": "training", "step": 4})
    result = odapi(command, "d0")

    assert result.exit_code == 1
    assert "Error: d0: alive on another machine\n" in result.stderr
