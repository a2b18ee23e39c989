"""A child of the supervisor: the trainer or the evaluator."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lifeline import tied
from odapi_runner.runs.process import describe_exit, identify, start_detached

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
_POLL_SECONDS = 0.05


@dataclass(slots=True)
class Child:
    """How it is started, and what has become of it; each start and end is an event."""

    name: str  # trainer, evaluator
    role: str  # train, eval: whose log it writes
    argv: Sequence[str]
    environment: Mapping[str, str]
    nice: int = 0
    starts: int = 0
    started_at: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """From its start until `collect` has seen its end: no end goes by unseen."""
        return self.process is not None

    def start(self, run: RunDir, lock: int, events: EventLog) -> None:
        """Start it in the workspace, tied to this process, sharing the run's lock."""
        self.started_at = time.time()
        self.process = start_detached(
            tied(self.argv, nice=self.nice),
            log=run.log(self.role),
            cwd=run.root.parent.parent,
            environment=self.environment,
            inherit=[lock],
        )
        self.starts += 1
        identity = identify(self.process.pid).dump()
        events.write(f"{self.name}_started", process=identity, start=self.starts)

    def collect(self, events: EventLog) -> int | None:
        """The exit code, once, when the process has ended since the last look."""
        code = None if self.process is None else self.process.poll()
        if code is not None:
            self.process = None
            events.write(f"{self.name}_ended", code=code, how=describe_exit(code))
        return code

    def end(self, grace_seconds: float, is_urgent: Callable[[], bool]) -> None:
        """SIGTERM, wait, SIGKILL; without waiting further when it becomes urgent."""
        if self.process is None:
            return
        self.process.terminate()
        end = time.monotonic() + grace_seconds
        while self.process.poll() is None and time.monotonic() < end and not is_urgent():
            time.sleep(_POLL_SECONDS)
        self.process.kill()
        self.process.wait()


def last_told(run: RunDir, role: str, since: float = 0.0) -> dict[str, Any]:
    """The latest event of a child, of the kind `nothing` where there is none."""
    told = [event for event in read_events(run) if event.get("role") == role]
    return told[-1] if told and told[-1]["time"] >= since else {"kind": "nothing"}
