"""Running a program that knows nothing of odapi: its minder speaks for it to the supervisor.

A minder is a run's trainer or evaluator as the supervisor sees it, with events, heartbeat and exit
code. The program is its child, and tells what it does by lines of JSON through a descriptor. It
dies with its minder, however that dies.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.runs.lifeline import tied

_POLL_SECONDS = 0.5
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program has ended."""

    code: int  # as of subprocess
    asked: bool  # whether it had been asked to

    @property
    def exit_code(self) -> int:
        """What a process says that ends for it, as a shell does."""
        return self.code if self.code >= 0 else 128 - self.code


def mind(
    argv: Callable[[int], Sequence[str]],
    on_message: Callable[[dict[str, Any]], None],
    *,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end; SIGTERM and SIGINT are passed on to it.

    Args:
        argv: its command line, by the number of the descriptor that takes its messages.
        on_message: gets each of them.
        environment: what it gets beside this process's own.
    """
    back, there = os.pipe()
    process: subprocess.Popen[bytes] | None = None
    asked = False

    def pass_on(*_: object) -> None:
        nonlocal asked
        asked = True
        if process is not None:
            process.terminate()

    with _handling(pass_on):
        process = subprocess.Popen(
            tied(argv(there), by=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            env=os.environ | dict(environment or {}),
            pass_fds=[there],
        )
        os.close(there)
        if asked:  # while it was being started
            process.terminate()
        for line in _lines(back, process):
            on_message(json.loads(line))
        os.close(back)
        return Ended(process.wait(), asked)


@contextmanager
def telling_failure(events: EventLog) -> Iterator[None]:
    """Let an error of the user's be the last event."""
    try:
        yield
    except OdapiError as error:
        events.write("failed", error=type(error).__name__, what=error.what, fix=error.fix)
        raise


def exit_code(run: Callable[[], int]) -> int:
    """That of a minder; an error of the user's is shown, and no traceback."""
    try:
        return run()
    except OdapiError as error:
        error.show()
        return error.exit_code


@contextmanager
def _handling(handler: Callable[..., None]) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _lines(back: int, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines of a process until it has ended; a last one cut short by its death is left out."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(back, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            if not selector.select(0 if ended else _POLL_SECONDS):
                if ended:
                    return
                continue
            chunk = os.read(back, _CHUNK)
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in whole)
