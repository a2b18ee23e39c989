"""`python -m odapi_runner.runs.queue.serve`: start what is in the queue, as devices become free.

One process a user and machine, told apart by a lock; it ends when nothing is left in the queue.
All it knows is in files: killed at any moment, the next one goes on.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from odapi_runner.errors import GpuError, OdapiError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.claims import AUTO, free_devices
from odapi_runner.runs.control import SUPERVISE, start_supervisor, take_over
from odapi_runner.runs.gpu_load import GpuLoad, read_loads
from odapi_runner.runs.lock import is_held
from odapi_runner.runs.machine import open_lock, state_folder
from odapi_runner.runs.notify import notify_asked
from odapi_runner.runs.queue.entries import Entry, Queue, change_queue, read_queue
from odapi_runner.runs.queue.outlook import Outlook, look_at, waits_for

POLL_SECONDS = 3.0
_MOST_TRIES = 3
_LOCK = "serve.lock"  # in the folder of this machine

Start = Callable[[RunDir, int, str], None]


def take_serve_lock() -> int | None:
    """The open, locked file that makes a process the queue's; None where another one is.

    Raises:
        RunError: the folder of this machine cannot be written.
    """
    descriptor = open_lock(state_folder() / _LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_served() -> bool:
    """Whether a process of this machine serves the queue."""
    return is_held(state_folder() / _LOCK)


def serve(
    lock: int,
    *,
    start: Start = lambda run, lock, python: start_supervisor(
        run, lock, program=(python, *SUPERVISE)
    ),
    loads: Callable[[], Sequence[GpuLoad]] = read_loads,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Start runs until nothing is left in the queue.

    Args:
        lock: of `take_serve_lock`; it is given back at the end.
        start: starts the supervisor of a run, whose lock it takes over, by a Python interpreter.
        loads: tells what the GPUs of this machine are doing.
        poll_seconds: between two looks.
    """
    server = _Server(start, loads)

    def leave_if_empty(queue: Queue) -> Queue:
        # Who adds a run while this is looked at, finds the lock free, and starts the next process.
        if not queue.entries:
            os.close(lock)
        return queue

    while change_queue(leave_if_empty).entries:
        server.look()
        time.sleep(poll_seconds)


@dataclass(slots=True)
class _Server:
    start: Start
    loads: Callable[[], Sequence[GpuLoad]]
    tries: Counter[Path] = field(default_factory=Counter)  # that failed
    fault: str = ""  # of the driver, as it was told last

    def look(self) -> None:
        """Drop what is over, and start what can be."""
        queue = read_queue()
        looks = [look_at(entry) for entry in queue.entries]
        for look in looks:
            if look.state == "over":
                _drop(look.entry, "has ended")
                if look.died:
                    notify_asked(look.entry.run, "lost", look.died)
        waiting = [look for look in looks if look.state == "waiting"]
        waiting = [look for look in waiting if not waits_for(look.entry, looks)]
        if waiting and not queue.paused:
            self._start_what_can(waiting)

    def _start_what_can(self, waiting: Sequence[Outlook]) -> None:
        try:
            loads, fault = self.loads(), ""
        except GpuError as error:  # those for the CPU can go on
            loads, fault = [], error.what
            waiting = [look for look in waiting if not look.wants_gpu]
        if fault != self.fault:
            _say(fault or "NVIDIA's driver answers again")
            self.fault = fault
        reserved: set[str] = set()
        for look in waiting:
            free = free_devices(loads) - reserved
            if not look.misses(free, loads):
                self._start(look)
            elif look.device != AUTO:
                # A run that wants certain devices gets them in its turn: nobody overtakes it there.
                reserved |= set(look.misses(set(), loads))

    def _start(self, look: Outlook) -> None:
        entry, run = look.entry, look.entry.run
        try:
            lock = take_over(run)
        except OdapiError:  # somebody else starts it, or its last process is about to end
            return
        try:
            self.start(run, lock, entry.python)
            _say(f"{run.name}: {'goes on' if look.goes_on else 'started'}")
        except (OdapiError, OSError) as error:
            what = error.what if isinstance(error, OdapiError) else str(error)
            self.tries[entry.root] += 1
            _say(f"{run.name}: {what}")
            if self.tries[entry.root] >= _MOST_TRIES:
                EventLog(run, "launch").write("failed", what=what)
                _drop(entry, "given up")
                notify_asked(run, "failed", what)


def _drop(entry: Entry, why: str) -> None:
    change_queue(lambda queue: queue.without(entry.run))
    _say(f"{entry.run.name}: {why}")


def _say(text: str) -> None:
    """A line of the queue's log."""
    click.echo(f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z} {text}")


def main(arguments: Sequence[str]) -> int:
    """Serve the queue; the open, locked file may come from the parent process."""
    try:
        lock = int(arguments[0]) if arguments else take_serve_lock()
        if lock is not None:
            os.set_inheritable(lock, False)
            serve(lock)
    except OdapiError as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
