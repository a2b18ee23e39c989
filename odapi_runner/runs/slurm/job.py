"""What a job does: it has a run supervised, and is queued again where its time ends before.

Slurm tells a job that its time is about to end by a signal to all of its processes; submitit takes
it, calls `checkpoint`, and has the job queued again. Where Slurm preempts a job, all processes get
SIGTERM, and the trainer saves; a job that ends before it is killed has to see itself that it is
queued again. Either way, begun anew, it goes on with the run from its newest checkpoint. Only where
nothing goes on, the run has ended, and who is to be called (`--notify`) is.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lifeline import tied
from odapi_runner.runs.notify import notify_asked
from odapi_runner.runs.process import ProcessId, identify, start_detached, stop
from odapi_runner.runs.slurm.jobs import find_job, own_job
from odapi_runner.runs.slurm.scheduler import (
    is_being_preempted,
    is_queued_again,
    queue_again,
)
from odapi_runner.runs.state import read_end

if TYPE_CHECKING:  # an extra
    from submitit.core.utils import DelayedSubmission

REQUEUED = "requeued"
_GRACE_SECONDS = 360  # longer than the supervisor gives its children
_POLL_SECONDS = 0.25
# Of these submitit makes its own use; to other programs they would be the end.
_FOR_SUBMITIT = (signal.SIGUSR1, signal.SIGUSR2)


class SupervisedRun:
    """What submitit keeps of a run, and calls."""

    def __init__(self, root: str, program: tuple[str, ...]) -> None:
        """A run.

        Args:
            root: its folder.
            program: what is given the run's folder.
        """
        self._root, self._program = root, program
        self._supervisor: ProcessId | None = None
        self._since = 0.0

    def __call__(self) -> None:
        """Wait for the end of its supervisor; the job fails where the run does."""
        run = RunDir(Path(self._root))
        if _is_withdrawn(run):
            return
        self._since = time.time()
        with _kept_from_children():
            process = start_detached(
                tied([*self._program, self._root]),
                log=run.log("supervise"),
                cwd=run.root.parent.parent,
                environment={},
            )
        self._supervisor = identify(process.pid)
        while process.poll() is None:
            time.sleep(_POLL_SECONDS)
        if not (process.returncode and self._goes_on(run)):
            _tell_end(run, self._since)
        sys.exit(1 if process.returncode else 0)

    def _goes_on(self, run: RunDir) -> bool:
        """See that a job that is preempted is queued again, by Slurm or from here."""
        number = own_job()
        if number is None or _is_withdrawn(run):
            return False
        if is_queued_again(number):
            return True
        if not is_being_preempted(number):
            return False
        EventLog(run, "supervise").write(REQUEUED, job=number)
        queue_again(number)
        return True

    def checkpoint(self) -> DelayedSubmission | None:
        """End it in an orderly way; gives what is to go on, or None where nothing is."""
        from submitit.core.utils import DelayedSubmission

        run = RunDir(Path(self._root))
        if self._supervisor is not None:
            stop(self._supervisor, _GRACE_SECONDS)
        told = read_events(run)
        ends = [event for event in told if event["role"] == "supervise"][-1:]
        has_ended = any(one["kind"] in {"finished", "failed"} for one in ends)
        if has_ended or not all(one.get("signalled", True) for one in ends):  # by a policy
            _tell_end(run, self._since)
            return None
        events = EventLog(run, "supervise")
        steps = {"checkpoint", "evaluated"}
        if not any(event["kind"] in steps and event["time"] >= self._since for event in told):
            what = "the time of its job ended before it had got anywhere"
            more = f"odapi resume {run.typed} --slurm-time 1-00:00:00"
            events.write("failed", waiting=0, what=f"{what}; with more: {more}", signalled=True)
            _tell_end(run, self._since)
            return None
        events.write(REQUEUED, job=own_job())
        return DelayedSubmission(SupervisedRun(self._root, self._program))


def _tell_end(run: RunDir, since: float) -> None:
    end = read_end(run, since)
    notify_asked(run, end.name, end.what)


def _is_withdrawn(run: RunDir) -> bool:
    """Whether this job was stopped, by `odapi stop`."""
    job = find_job(run)
    return job is not None and job.number == own_job() and job.withdrawn


@contextmanager
def _kept_from_children() -> Iterator[None]:
    """Processes started meanwhile do not get the signals; one that comes to this one waits."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_SUBMITIT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
