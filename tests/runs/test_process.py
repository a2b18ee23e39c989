"""Identity, liveness, start and stop, with real short processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from odapi_runner.runs import process
from odapi_runner.runs.lifeline import tied

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)"
)


def test_a_running_process_is_alive_and_an_ended_one_is_not() -> None:
    """An identity follows its process from start to end."""
    child = subprocess.Popen(SLEEP)
    identity = process.identify(child.pid)

    assert process.is_alive(identity)

    child.kill()
    child.wait()

    assert not process.is_alive(identity)


def test_a_zombie_is_dead() -> None:
    """A child that has ended but was not waited for answers to signal 0, and counts as dead."""
    child = subprocess.Popen(SLEEP)
    identity = process.identify(child.pid)
    child.kill()

    assert process.wait_until(lambda: not process.is_alive(identity), 30)
    os.kill(child.pid, 0)  # the pid is still taken

    child.wait()


@pytest.mark.parametrize(
    "other",
    [{"boot_id": "another boot"}, {"start_ticks": 1}],
    ids=["before a reboot", "pid used again"],
)
def test_the_same_pid_is_another_process(other: dict[str, object]) -> None:
    """This process's pid with another boot or another start time is not this process."""
    own = process.identify(os.getpid())

    assert process.is_alive(own)
    assert not process.is_alive(replace(own, **other))


def test_an_identity_survives_its_file() -> None:
    """dump and load are inverse."""
    own = process.identify(os.getpid())

    assert process.ProcessId.load(own.dump()) == own


def test_a_name_with_brackets_and_spaces_does_not_hide_the_start_time(tmp_path: Path) -> None:
    """/proc/PID/stat holds the program's name unquoted, here `a) R 1 (b`."""
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "60"])
    try:
        identity = process.identify(child.pid)

        assert identity.start_ticks > 0
        assert process.is_alive(identity)
    finally:
        child.kill()
        child.wait()


def test_a_detached_process_leads_a_session_of_its_own(tmp_path: Path) -> None:
    """It has no terminal to lose, reads nothing, and its output goes to the log."""
    log = tmp_path / "로그.log"
    code = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()), os.getcwd())"
    child = process.start_detached(
        [sys.executable, "-c", code], log=log, cwd=tmp_path, environment={}
    )

    assert child.wait(30) == 0
    assert log.read_text("utf-8") == f"True '' {tmp_path}\n"


def test_stop_lets_a_process_end_by_itself() -> None:
    """SIGTERM is enough for most."""
    child = subprocess.Popen(SLEEP)

    assert process.stop(process.identify(child.pid), grace_seconds=10)
    assert child.wait() == -signal.SIGTERM


def test_stop_kills_what_does_not_listen() -> None:
    """After the grace time there is SIGKILL."""
    code = f"{IGNORE_TERM}; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    assert not process.stop(process.identify(child.pid), grace_seconds=0.3)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()


def test_stop_of_an_ended_process_touches_nobody() -> None:
    """The identity protects whoever has got the pid since."""
    own = replace(process.identify(os.getpid()), start_ticks=1)

    assert process.stop(own, grace_seconds=0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "ended with exit code 3"),
        (-15, "was killed by SIGTERM"),
        (-9, "was killed by SIGKILL"),
    ],
)
def test_an_exit_code_in_words(code: int, words: str) -> None:
    """Return codes of subprocess: negative ones are signals."""
    assert process.describe_exit(code) == words


def test_a_tied_process_ends_with_its_parent_killed() -> None:
    """SIGKILL leaves the parent no time to tell its child: the kernel does."""
    code = (
        "import subprocess, sys, time; from odapi_runner.runs.lifeline import tied;"
        f"child = subprocess.Popen(tied({SLEEP!r}), start_new_session=True);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    identity = process.identify(int(parent.stdout.readline()))
    time.sleep(0.3)

    assert process.is_alive(identity)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert process.wait_until(lambda: not process.is_alive(identity), 30)


def test_a_tied_process_keeps_pid_arguments_and_gets_its_nice_value() -> None:
    """The program takes the place of the one that ties it."""
    code = "import os, sys; print(os.getpid(), os.nice(0), sys.argv[1:])"
    before = os.nice(0)
    child = subprocess.Popen(
        tied([sys.executable, "-c", code, "두 낱말", "--x"], nice=3),
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = child.communicate(timeout=60)

    assert output == f"{child.pid} {before + 3} ['두 낱말', '--x']\n"


def test_a_program_whose_parent_has_gone_is_not_started() -> None:
    """Between the start and the tie the parent may have died: then nothing would end it."""
    result = subprocess.run(
        [sys.executable, "-m", "odapi_runner.runs.lifeline", "1", "0", "15", "echo", "started"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert result.stdout == ""
    assert "ended before echo was started" in result.stderr
