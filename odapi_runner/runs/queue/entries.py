"""Which runs wait or have been started by the queue, in order: `queue.json` of this machine.

What has become of a run is not written here: its own events say it (`outlook`).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.machine import open_lock, state_folder

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A run in the queue."""

    root: Path  # the run's folder
    after: tuple[Path, ...] = ()  # folders of the runs that have to end before
    python: str = field(default_factory=lambda: sys.executable)  # who put it there: its odapi

    @property
    def run(self) -> RunDir:
        return RunDir(self.root)

    def dump(self) -> dict[str, Any]:
        return {"run": str(self.root), "after": [*map(str, self.after)], "python": self.python}

    @classmethod
    def load(cls, value: dict[str, Any]) -> Entry:
        return cls(Path(value["run"]), tuple(map(Path, value["after"])), str(value["python"]))


@dataclass(frozen=True, slots=True)
class Queue:
    """What the file holds."""

    entries: tuple[Entry, ...] = ()
    paused: bool = False

    def find(self, run: RunDir) -> Entry | None:
        """The entry of a run, if it has one."""
        root = run.root.resolve()
        return next((entry for entry in self.entries if entry.root == root), None)

    def without(self, run: RunDir) -> Queue:
        gone = self.find(run)
        return replace(self, entries=tuple(entry for entry in self.entries if entry != gone))

    def place_of(self, run: RunDir) -> int:
        """The place of an entry, counted from 1; 0 where there is none."""
        entry = self.find(run)
        return 0 if entry is None else self.entries.index(entry) + 1

    def moved(self, run: RunDir, place: int, begun: Collection[Path] = ()) -> Queue:
        """With an entry at another place, counted from 1; the last one where that is too large.

        It overtakes none of those that have begun.
        """
        entry = self.find(run)
        if entry is None:
            return self
        before = enumerate(self.entries[: self.place_of(run) - 1], start=1)
        place = max([place, *(at + 1 for at, other in before if other.root in begun)])
        others = self.without(run).entries
        return replace(self, entries=(*others[: place - 1], entry, *others[place - 1 :]))


def queue_file() -> Path:
    """Where it is."""
    return state_folder() / "queue.json"


def read_queue() -> Queue:
    """The queue as it is; an empty one where there never was any.

    Raises:
        RunError: the file is not one of this odapi's.
    """
    path = queue_file()
    try:
        value = files.read_json(path)
        if value["format"] != FORMAT:
            raise TypeError(f'"format" is {value["format"]}, this odapi reads {FORMAT}')
        return Queue(tuple(map(Entry.load, value["entries"])), bool(value["paused"]))
    except (FileNotFoundError, NotADirectoryError):
        return Queue()
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise RunError(
            f"{path}: not a queue ({error})",
            fix="Move it away; its runs stay as they are, and start with: odapi resume RUN",
        ) from error


def change_queue(change: Callable[[Queue], Queue]) -> Queue:
    """Change the queue while nobody else does; returns what it is now.

    Raises:
        RunError: the file cannot be read or written; what `change` raises leaves it as it was.
    """
    lock = open_lock(state_folder() / "queue.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = read_queue()
        after = change(before)
        if after != before:
            entries = [entry.dump() for entry in after.entries]
            value = {"format": FORMAT, "paused": after.paused, "entries": entries}
            files.write_json(queue_file(), value)
        return after
    finally:
        os.close(lock)


def add(run: RunDir, after: Sequence[RunDir] = ()) -> None:
    """Put a run at the end of the queue: a new one, or one that is to go on. It is there once.

    Args:
        run: the run.
        after: runs that have to end before, however they end.

    Raises:
        RunError: the folder of this machine cannot be written.
    """
    # By these, and not by a clock, it is known whether it has been started since.
    starts = [event for event in read_events(run, "supervise") if event["kind"] == "started"]
    EventLog(run, "launch").write("queued", host=socket.gethostname(), starts=len(starts))
    entry = Entry(run.root.resolve(), tuple(other.root.resolve() for other in after))
    # It may be there still as one that has ended, or whose folder was removed.
    change_queue(lambda queue: replace(queue, entries=(*queue.without(run).entries, entry)))


def take_out(run: RunDir) -> bool:
    """Take a run out of the queue, whatever it is doing; False where it was not there."""
    if read_queue().find(run) is None:
        return False
    change_queue(lambda queue: queue.without(run))
    EventLog(run, "launch").write("cancelled")
    return True
