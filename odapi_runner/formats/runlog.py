"""What a run's processes tell: events (appended for good) and progress (the latest, replaced).

An event is one JSON object a line: `time` (seconds since the epoch), `seq` (counts the lines of
one process), `role` (`launch`, `supervise`, `train`, `eval`), `kind`, and fields of the kind.
Each process appends to a file of its own; a reader merges by time and sequence. The times are those
of `RunClock`, so that what follows on something comes after it, whatever was done to the clock.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.rundir import RunDir

ENDS = ("finished", "failed", "stopped")  # the kinds of event by which a supervisor ends
PROGRESS_INTERVAL = 1.0  # seconds
_TICK = 1e-6  # seconds, more than the rounding of such times


@dataclass(slots=True)
class RunClock:
    """Seconds since the epoch that never go back in a run: a machine's clock may be set back.

    It begins behind the latest event that is there. Where a clock was once far ahead, the order
    stays right, and the times stay ahead until the clock has come so far.
    """

    run: RunDir
    clock: Callable[[], float] = time.time
    _latest: float | None = None

    def now(self) -> float:
        """Later than any event of the run when this was first asked, and than before."""
        if self._latest is None:
            self._latest = max((event["time"] for event in read_events(self.run)), default=0.0)
        self._latest = max(self.clock(), self._latest + _TICK)
        return self._latest


@dataclass(slots=True)
class EventLog:
    """Appends the events of this process to a file of its own in `RUN/events/`."""

    run: RunDir
    role: str
    clock: Callable[[], float] = time.time
    _sequence: int = 0
    _path: Path = field(init=False)
    _times: RunClock = field(init=False)

    def __post_init__(self) -> None:
        self._path = self.run.events / f"{self.role}-{time.time_ns()}-{os.getpid()}.jsonl"
        self._times = RunClock(self.run, self.clock)

    def now(self) -> float:
        """A time between the events before and those to come."""
        return self._times.now()

    def write(self, kind: str, **fields: Any) -> None:
        event = {"time": self.now(), "seq": self._sequence, "role": self.role, "kind": kind}
        self._sequence += 1
        files.append_line(self._path, json.dumps(event | fields, ensure_ascii=False))


def read_events(run: RunDir, *roles: str) -> list[dict[str, Any]]:
    """The events of a run in order, of some roles or of all.

    A last line cut short by a crash is left out.
    """
    return EventReader(run, roles).read_new()


def last_told(run: RunDir, role: str, since: float = 0.0) -> dict[str, Any]:
    """The latest event of a role, of the kind `nothing` where there is none since then."""
    told = read_events(run, role)
    return told[-1] if told and told[-1]["time"] >= since else {"kind": "nothing"}


@dataclass(slots=True)
class EventReader:
    """Reads the events of a run as they come, each once: for who looks often."""

    run: RunDir
    roles: Sequence[str] = ()  # all by default
    _read: dict[Path, int] = field(default_factory=dict)  # bytes of each file

    def read_new(self) -> list[dict[str, Any]]:
        """What was written since the last call, in order; a line being written comes next time."""
        events: list[dict[str, Any]] = []
        patterns = [f"{role}-*.jsonl" for role in self.roles] or ["*.jsonl"]
        for path in (one for pattern in patterns for one in sorted(self.run.events.glob(pattern))):
            start = self._read.get(path, 0)
            if path.stat().st_size == start:
                continue
            with path.open("rb") as stream:
                stream.seek(start)
                text, _, _ = stream.read().rpartition(b"\n")
            if text:
                self._read[path] = start + len(text) + 1
                events += _parsed(text.decode("utf-8", errors="replace"))
        return sorted(events, key=lambda event: (event["time"], event["seq"]))


def _parsed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):  # `splitlines` knows ends that JSON does not
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict) and {"time", "seq", "kind"} <= event.keys():
            yield event


@dataclass(slots=True)
class Progress:
    """The heartbeat of `train` or `eval`: replaced at most once a second, or when forced."""

    run: RunDir
    role: str
    clock: Callable[[], float] = time.time
    _written: float | None = None  # by a clock that does not jump
    _times: RunClock = field(init=False)

    def __post_init__(self) -> None:
        self._times = RunClock(self.run, self.clock)

    def write(self, phase: str, *, force: bool = False, **fields: Any) -> None:
        """Tell the phase and numbers such as `step`.

        `starting`, `building`, `compiling`, `waiting for input`, `training`, `saving`, …
        """
        now = time.monotonic()
        if force or self._written is None or now - self._written >= PROGRESS_INTERVAL:
            self._written = now
            value = {"time": self._times.now(), "pid": os.getpid(), "phase": phase} | fields
            files.write_json(self.run.progress(self.role), value)


def evaluation_phase(done: int, total: int) -> str:
    """What an evaluator does that has looked at so many of its images: the ends take their time."""
    if not done:
        return "restoring"
    return "evaluating" if done < total else "matching"


def read_progress(run: RunDir, role: str) -> dict[str, Any] | None:
    """The last heartbeat, or None where there is none yet."""
    try:
        value = files.read_json(run.progress(role))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError):  # half of it, of a character
        return None
    return value if isinstance(value, dict) else None
