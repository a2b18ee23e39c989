"""A program that knows nothing of odapi, and its minder: real processes that talk and die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.runs.minding import Ended, mind
from odapi_runner.runs.process import wait_until

TALK = """import json, os, sys
def say(**message): os.write(int(sys.argv[1]), (json.dumps(message) + '\\n').encode())
"""
MIND = (
    "import sys; from odapi_runner.runs.minding import mind;"
    "ended = mind(lambda fd: [sys.executable, '-c', sys.argv[1], str(fd)], print);"
    "print(ended); sys.exit(ended.exit_code)"
)


def minded(program: str) -> tuple[Ended, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    ended = mind(lambda fd: [sys.executable, "-c", TALK + program, str(fd)], told.append)
    return ended, told


def test_its_messages_arrive_in_order_and_its_end_is_known() -> None:
    """All of them, however fast it ends; the exit code is its own."""
    ended, told = minded("for i in range(5000): say(number=i)\nsys.exit(3)")

    assert [one["number"] for one in told] == list(range(5000))
    assert (ended.code, ended.exit_code, ended.asked) == (3, 3, False)


def test_a_message_cut_short_by_a_death_is_left_out() -> None:
    """What came before it counts; a signal is 128 and its number, as in a shell."""
    ended, told = minded("say(a=1); os.write(int(sys.argv[1]), b'{\"b'); os.kill(os.getpid(), 9)")

    assert told == [{"a": 1}]
    assert (ended.code, ended.exit_code) == (-signal.SIGKILL, 137)


def test_a_grandchild_that_lives_on_does_not_keep_it() -> None:
    """The program has ended when it has, whoever holds the descriptor."""
    program = (
        "import subprocess; say(a=1)\n"
        "child = subprocess.Popen(['sleep', '30'], pass_fds=[int(sys.argv[1])])\n"
        "say(pid=child.pid)"
    )
    ended, told = minded(program)

    os.kill(told[-1]["pid"], signal.SIGKILL)
    assert ended.code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_wish_to_stop_is_passed_on(number: signal.Signals) -> None:
    """The program gets SIGTERM, and ends as it likes."""
    program = (
        "import signal\n"
        "def end(*_): say(stopped=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); say(ready=True); signal.pause()"
    )
    minder = subprocess.Popen(
        [sys.executable, "-c", MIND, TALK + program], stdout=subprocess.PIPE, text=True, bufsize=1,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert minder.stdout is not None
    assert minder.stdout.readline() == "{'ready': True}\n"

    minder.send_signal(number)

    assert minder.stdout.read() == "{'stopped': True}\nEnded(code=0, asked=True)\n"
    assert minder.wait() == 0


def test_it_dies_with_its_minder_however_deaf(tmp_path: Path) -> None:
    """No orphan goes on training, even if the minder is killed and the program heeds nothing."""
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); say(pid=os.getpid()); time.sleep(60)"
    )
    minder = subprocess.Popen(
        [sys.executable, "-c", MIND, TALK + program], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert minder.stdout is not None
    pid = int(minder.stdout.readline().split(": ")[1].strip("}\n"))
    minder.kill()
    minder.wait()

    assert wait_until(lambda: not is_running(pid), 10)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
