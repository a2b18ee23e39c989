"""Processes that outlive the shell that started them: identity, liveness, start and stop.

A pid alone is no identity: pids are used again, and a zombie still answers to signal 0.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from odapi_runner import files

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """What no other process shares: the host, its boot, the pid, and when the process started."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int

    @classmethod
    def load(cls, value: dict[str, Any]) -> ProcessId:
        return cls(**value)

    def dump(self) -> dict[str, Any]:
        return asdict(self)


def identify(pid: int) -> ProcessId:
    """The identity of a process of this machine; one that has ended gets start ticks of 0."""
    return ProcessId(socket.gethostname(), _boot_id(), pid, _start_ticks(pid) or 0)


def is_here(process: ProcessId) -> bool:
    """Whether it ran on this machine, in this boot or an earlier one: it can be looked up."""
    return process.host == socket.gethostname()


def is_alive(process: ProcessId) -> bool:
    """Whether a process of this machine still runs; zombies are dead."""
    return process.boot_id == _boot_id() and _start_ticks(process.pid) == process.start_ticks


def start_detached(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    inherit: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`.

    Neither the end of the terminal nor Ctrl-C in it reaches the process.

    Args:
        argv: the program and its arguments.
        log: takes stdout and stderr.
        cwd: its current folder.
        environment: variables to set beside those of this process.
        inherit: open file descriptors that the process shares; no other is passed on.
    """
    with files.for_others_to_read(), log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=os.environ | environment,
            pass_fds=inherit,
            start_new_session=True,
        )


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until the condition holds; False when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def stop(process: ProcessId, grace_seconds: float) -> bool:
    """Ask a process to end (SIGTERM), wait, then end it (SIGKILL); True if it ended by itself."""
    _signal(process, signal.SIGTERM)
    if wait_until(lambda: not is_alive(process), grace_seconds):
        return True
    _signal(process, signal.SIGKILL)
    wait_until(lambda: not is_alive(process), 5)
    return False


def describe_exit(code: int) -> str:
    """Say in words how a process ended, by the return code of subprocess."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"


def _signal(process: ProcessId, number: signal.Signals) -> None:
    try:
        if is_alive(process):
            os.kill(process.pid, number)
    except ProcessLookupError:
        pass  # It ended between the look and the signal.


def _boot_id() -> str:
    """Empty where the system does not tell (only Linux does)."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot; None where it runs no more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, second of the fields, may hold spaces and brackets: count from its last bracket.
    values = text.rpartition(")")[2].split()
    state, start_ticks = values[0], int(values[19])
    return None if state in {"Z", "X"} else start_ticks
