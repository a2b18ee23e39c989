"""A trainer that makes no step any more: found by its heartbeat, asked by py-spy where it is.

It is told once, and once more when a step has followed: nothing is ended for it.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from odapi_runner.formats.runlog import EventLog, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import HUNG, WENT_ON

_TIMES_MEDIAN = 10
# The heartbeat comes at most once a second, and a stall of seconds is nothing to worry about.
LEAST_SECONDS = 10.0
# A phase in which steps are made, and another that takes its time by itself.
_STEPPING: Final = {"training", "waiting for input"}
_SLOW_SECONDS: Final = {"saving": 300.0}
_REMEMBERED = 100  # intervals between heartbeats
_SPY_SECONDS = 20.0
_MOST_FRAMES = 60  # of a thread


@dataclass(slots=True)
class HangWatch:
    """Watches over the heartbeat of one trainer at a time.

    Attributes:
        run: of the trainer.
        events: where it is told.
        least_seconds: what is no hang, however quick the steps are.
    """

    run: RunDir
    events: EventLog
    least_seconds: float = LEAST_SECONDS
    _pid: int = 0
    _step: int | None = None
    _since: float = 0.0  # when that step was first seen
    _told: bool = False
    _seconds_per_step: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def look(self, pid: int, now: float | None = None) -> None:
        """See whether there was a step lately.

        Args:
            pid: of the trainer that runs.
            now: seconds of a clock that does not jump.
        """
        now = time.monotonic() if now is None else now
        if pid != self._pid:
            self._pid, self._step, self._told = pid, None, False
            self._seconds_per_step.clear()
        beat = read_progress(self.run, "train") or {}
        step = beat.get("step")
        if beat.get("pid") != pid or not isinstance(step, int):
            return  # of the one before, or none yet
        if step != self._step:
            self._see_step(step, now)
        elif not self._told and now - self._since > self._limit(beat.get("phase", "")):
            self._told = True
            self._tell(step, now - self._since, str(beat["phase"]))

    def _see_step(self, step: int, now: float) -> None:
        seconds = now - self._since
        if self._told:
            self.events.write(WENT_ON, step=step, seconds=seconds)
        elif self._step is not None and step > self._step:
            self._seconds_per_step.append(seconds / (step - self._step))
        self._step, self._since, self._told = step, now, False

    def _limit(self, phase: str) -> float:
        """How long a step may take; without end before the second step, and while it compiles."""
        if not self._seconds_per_step or phase not in _STEPPING | _SLOW_SECONDS.keys():
            return float("inf")
        return max(_TIMES_MEDIAN * self._usual(), _SLOW_SECONDS.get(phase, self.least_seconds))

    def _usual(self) -> float:
        """The median of the seconds a step."""
        return sorted(self._seconds_per_step)[len(self._seconds_per_step) // 2]

    def _tell(self, step: int, seconds: float, phase: str) -> None:
        usual = self._usual()
        threads = read_stack(self._pid)
        where = _innermost(threads)
        what = (
            f"no step after step {step} for {seconds:.0f} s while {phase}, usually one takes "
            f"{usual:.2g} s{where}"
        )
        self.events.write(
            HUNG, step=step, seconds=seconds, usual=usual, phase=phase, what=what, stack=threads
        )


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
