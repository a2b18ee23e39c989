"""A process that gets no further: found by its heartbeat, asked by py-spy where it is.

It is told once, and once more when it has gone on: nothing is ended for it.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from odapi_runner.formats.runlog import EventLog, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import HUNG, WENT_ON

_TIMES_MEDIAN = 10
# The heartbeat comes at most once a second, and a stall of seconds is nothing to worry about.
LEAST_SECONDS = 10.0
_REMEMBERED = 100  # intervals between heartbeats
_SPY_SECONDS = 20.0
_MOST_FRAMES = 60  # of a thread


@dataclass(frozen=True, slots=True)
class Work:
    """What a process of a run does all the time.

    Attributes:
        name: of the process.
        role: whose heartbeat it is.
        unit: what it makes one after the other.
        count: where the heartbeat has what it has made.
        is_single: whether that counts units; else a unit is of several, as a batch of images.
        phases: in which they are made.
        slow: seconds that other phases take by themselves.
    """

    name: str
    role: str
    unit: str
    count: str
    is_single: bool
    phases: frozenset[str]
    slow: Mapping[str, float]


TRAINING: Final = Work(
    "trainer",
    "train",
    "step",
    "step",
    True,
    frozenset({"training", "waiting for input"}),
    {"saving": 300.0},
)
EVALUATION: Final = Work(
    "evaluator",
    "eval",
    "batch",
    "images",
    False,
    frozenset({"evaluating"}),
    {"restoring": 300.0, "matching": 1800.0},
)


@dataclass(slots=True)
class HangWatch:
    """Watches over the heartbeat of one process at a time.

    Attributes:
        run: of the process.
        events: where it is told.
        least_seconds: what is no hang, however quick it is.
        work: what it does.
    """

    run: RunDir
    events: EventLog
    least_seconds: float = LEAST_SECONDS
    work: Work = TRAINING
    _pid: int = 0
    _place: tuple[int, int] | None = None  # a step, and how many units have been made
    _since: float = 0.0  # when that place was first seen
    _told: bool = False
    _seconds_per_unit: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def look(self, pid: int, now: float | None = None) -> None:
        """See whether it has got on lately.

        Args:
            pid: of the process that runs.
            now: seconds of a clock that does not jump.
        """
        now = time.monotonic() if now is None else now
        if pid != self._pid:
            self._pid, self._place, self._told = pid, None, False
            self._seconds_per_unit.clear()
        beat = read_progress(self.run, self.work.role) or {}
        step, count = beat.get("step"), beat.get(self.work.count)
        if beat.get("pid") != pid or not isinstance(step, int) or not isinstance(count, int):
            return  # of the one before, or none yet
        if (step, count) != self._place:
            self._see((step, count), now)
        elif not self._told and now - self._since > self._limit(beat):
            self._told = True
            self._tell((step, count), now - self._since, str(beat["phase"]))

    def _see(self, place: tuple[int, int], now: float) -> None:
        seconds = now - self._since
        if self._told:
            self._write(WENT_ON, step=place[0], seconds=seconds)
        elif self._place is not None and 0 < self._place[1] < place[1]:  # the first one warms up
            made = place[1] - self._place[1] if self.work.is_single else 1
            self._seconds_per_unit.append(seconds / made)
        self._place, self._since, self._told = place, now, False

    def _limit(self, beat: Mapping[str, Any]) -> float:
        """How long a unit may take; without end before the second one, and while it compiles."""
        phase = beat.get("phase", "")
        if not self._seconds_per_unit or phase not in self.work.phases | self.work.slow.keys():
            return float("inf")
        return max(_TIMES_MEDIAN * self._usual(), self.work.slow.get(phase, self.least_seconds))

    def _usual(self) -> float:
        """The median of the seconds a unit."""
        return sorted(self._seconds_per_unit)[len(self._seconds_per_unit) // 2]

    def _tell(self, place: tuple[int, int], seconds: float, phase: str) -> None:
        usual, unit = self._usual(), self.work.unit
        threads = read_stack(self._pid)
        step, count = place
        after = f"step {step}" if self.work.is_single else f"image {count} at step {step}"
        what = (
            f"no {unit} after {after} for {seconds:.0f} s while {phase}, usually one takes "
            f"{usual:.2g} s{_innermost(threads)}"
        )
        self._write(
            HUNG, step=step, seconds=seconds, usual=usual, phase=phase, what=what, stack=threads
        )

    def _write(self, kind: str, **fields: Any) -> None:
        self.events.write(kind, process_name=self.work.name, **fields)


def read_stack(pid: int) -> dict[str, list[str]]:
    """Where the threads of a Python process are, innermost first; `py-spy: …` where it fails.

    It is not stopped for it: a process that waits for a disk could not be.
    """
    program = Path(sysconfig.get_path("scripts")) / "py-spy"
    argv = [str(program), "dump", "--nonblocking", "--json", "--pid", str(pid)]
    try:
        done = subprocess.run(
            argv, capture_output=True, encoding="utf-8", timeout=_SPY_SECONDS, check=False
        )
        threads = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return {"py-spy": [str(error)]}
    if threads is None:
        why, _, _ = done.stderr.strip().partition("\n\nStack backtrace")
        return {"py-spy": why.splitlines()}
    return {
        f"{thread.get('thread_name') or 'thread'} {thread['thread_id']}": [
            _shown(frame) for frame in thread["frames"][:_MOST_FRAMES]
        ]
        for thread in threads
    }


def _shown(frame: dict[str, Any]) -> str:
    place = frame.get("short_filename") or frame["filename"]
    return f"{frame['name']} ({place}:{frame['line']})"


def _innermost(threads: dict[str, list[str]]) -> str:
    """Where the main thread is, in a few words: that which began with a module."""
    stacks = (frames for frames in threads.values() if frames[-1:])
    frames = next((frames for frames in stacks if frames[-1].startswith("<module>")), [])
    own = [frame for frame in frames if "odapi_runner" in frame]
    places = dict.fromkeys([*frames[:1], *own[:1]])
    return f": in {', from '.join(places)}" if places else ""
