"""A child of the supervisor: the trainer or the evaluator."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from odapi_runner.backends import Backend
from odapi_runner.formats.runlog import EventLog, last_told
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lifeline import tied
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import describe_exit, identify, start_detached

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
_POLL_SECONDS = 0.05


@dataclass(slots=True)
class Child:
    """How it is started, and what has become of it; each start and end is an event.

    Attributes:
        name: trainer, evaluator.
        role: train, eval: whose log it writes.
        argv: made anew for each start, by what is asked of the run then.
        environment: likewise.
        nice: what is added to the supervisor's own.
        starts: how many there were.
        started_at: when it was started last, by the run's clock.
        log_start: how many bytes its log had then.
        process: while it runs, and until its end has been seen.
    """

    name: str
    role: str
    argv: Callable[[], Sequence[str]]
    environment: Callable[[], Mapping[str, str]]
    nice: int = 0
    starts: int = 0
    started_at: float = 0.0
    log_start: int = 0
    process: subprocess.Popen[bytes] | None = None
    _kill_at: float | None = None

    @property
    def is_running(self) -> bool:
        """From its start until `collect` has seen its end: no end goes by unseen."""
        return self.process is not None

    def start(self, run: RunDir, lock: int, events: EventLog) -> None:
        """Start it in the workspace, tied to this process, sharing the run's lock."""
        log = run.log(self.role)
        self.started_at = events.now()
        self.log_start = log.stat().st_size if log.exists() else 0
        self._kill_at = None
        self.process = start_detached(
            tied(self.argv(), nice=self.nice),
            log=log,
            cwd=run.root.parent.parent,
            environment=self.environment(),
            inherit=[lock],
        )
        self.starts += 1
        identity = identify(self.process.pid).dump()
        events.write(f"{self.name}_started", process=identity, start=self.starts)

    def collect(self, events: EventLog) -> int | None:
        """The exit code, once, when the process has ended since the last look."""
        if self.process and self._kill_at is not None and time.monotonic() > self._kill_at:
            self.process.kill()
        code = None if self.process is None else self.process.poll()
        if code is not None:
            self.process = None
            events.write(f"{self.name}_ended", code=code, how=describe_exit(code))
        return code

    def ask_to_end(self, grace_seconds: float) -> None:
        """SIGTERM; `collect` kills it when it has not ended in time. Asked once only."""
        if self.process and self._kill_at is None:
            self._kill_at = time.monotonic() + grace_seconds
            self.process.terminate()

    def end(self, grace_seconds: float, is_urgent: Callable[[], bool]) -> None:
        """SIGTERM, wait, SIGKILL; without waiting further when it becomes urgent."""
        if self.process is None:
            return
        self.ask_to_end(grace_seconds)
        end = time.monotonic() + grace_seconds
        while self.process.poll() is None and time.monotonic() < end and not is_urgent():
            time.sleep(_POLL_SECONDS)
        self.process.kill()
        self.process.wait()


def trainer_environment(
    backend: Backend, options: RunOptions, device: Mapping[str, str]
) -> dict[str, str]:
    """What a trainer's environment holds beside this process's own; `device` says what it sees."""
    return QUIET | backend.trainer_environment(options) | dict(device)


def has_trained(run: RunDir, num_steps: int) -> bool:
    """Whether the trainer has finished, and nothing was changed since that lets it go on."""
    last = last_told(run, "train")
    return bool(last["kind"] == "finished" and last["step"] >= num_steps)
