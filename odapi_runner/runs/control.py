"""What can be done to a run from outside: start its supervisor, stop, wait."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence

from odapi_runner.errors import FREE_SOME_SPACE, RunError
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import is_locked, take_lock
from odapi_runner.runs.process import identify, start_detached, stop, wait_until
from odapi_runner.runs.queue.entries import take_out
from odapi_runner.runs.slurm.jobs import WITHDRAWN, Job, find_job
from odapi_runner.runs.slurm.scheduler import ask_to_end, cancel
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.state import is_full
from odapi_runner.runs.status import RunStatus, processes, read_status, survivors

SUPERVISE = ("-P", "-m", "odapi_runner.runs.supervise")

_START_SECONDS = 120  # its modules may come from a slow disk
_STOP_SECONDS = 360  # longer than the supervisor gives its children
_CANCEL_SECONDS = 120
_LAST_SECONDS = 30  # from the end of a process, as others see it, until its files are closed
_WAIT_POLL_SECONDS = 0.5


def start_supervisor(
    run: RunDir, lock: int, *, program: Sequence[str] = (sys.executable, *SUPERVISE)
) -> None:
    """Start the detached supervisor and return as soon as it has told that it is there.

    Args:
        run: the run.
        lock: goes over to the supervisor: the descriptor is closed here.
        program: what is given the run's folder and the lock.

    Raises:
        RunError: it ended at once, or told nothing for so long that it was ended.
    """
    folder = run.root.parent.parent
    try:
        process = start_detached(
            [*program, f"train/{run.name}", str(lock)],
            log=run.log("supervise"),
            cwd=folder,
            environment={},
            inherit=[lock],
        )
    finally:
        os.close(lock)

    def has_told() -> bool:
        return any(
            event["kind"] == "started" and event.get("process", {}).get("pid") == process.pid
            for event in read_events(run)
        )

    try:
        wait_until(lambda: has_told() or process.poll() is not None, _START_SECONDS)
    except KeyboardInterrupt:  # who interrupts the start wants no run in the background
        stop(identify(process.pid), _STOP_SECONDS)
        raise
    if not has_told():
        late = ""
        if process.poll() is None:  # who is told that there is none wants none later
            stop(identify(process.pid), _STOP_SECONDS)
            process.poll()
            late = f" within {_START_SECONDS:g} s, and was ended"
        refuse_full(run)
        raise RunError(
            f"{run.name}: the supervisor did not start{late}", fix=f"See {run.log('supervise')}"
        )


def take_over(run: RunDir) -> int:
    """The lock of a run of which nothing is alive, here or on another machine.

    Raises:
        RunError: something is.
    """
    _refuse_elsewhere(run, read_status(run))
    if names := survivors(run):
        raise RunError(
            f"{run.name}: its supervisor died, its {names[0]} is still about to end",
            fix=f"Try again when it has; this waits for it: odapi stop {run.typed}",
        )
    return take_lock(run)


def refuse_full(run: RunDir) -> None:
    """See that there is room for what its processes write.

    Raises:
        RunError: there is none.
    """
    if is_full(run):
        raise RunError(f"{run.name}: its disk is full", fix=FREE_SOME_SPACE)


def stop_run(run: RunDir, on_start: Callable[[], None] = lambda: None) -> RunStatus:
    """Have the trainer save a checkpoint and end, then the evaluator; returns when they have.

    A run in the queue is taken out of it, whether it has begun or not.

    `on_start` is called once it is known that there is something to stop.

    Raises:
        RunError: nothing of the run is alive.
    """
    was_queued = take_out(run)
    if (job := _live_job(run)) is not None:
        on_start()
        _stop_job(run, job)
        return read_status(run)
    alive = processes(run)
    status = read_status(run)
    # What is not known by its events, but has the lock, can only be waited for.
    if not alive and not (status.state == "lost" and is_locked(run)):
        if was_queued:
            return status
        _refuse_elsewhere(run, status)
        raise RunError(
            f"{run.name}: nothing to stop, its state is {status.state}",
            fix=_remedy_of_ended(run, status),
        )
    on_start()
    # The supervisor ends its children. Where it is dead they have been told to end already.
    for name in ("supervisor", "trainer", "evaluator"):
        if name in alive:
            stop(alive[name], _STOP_SECONDS)
    if not wait_until(lambda: not is_locked(run), _LAST_SECONDS) and not alive:
        raise RunError(
            f"{run.name}: a process that odapi does not know holds on to it",
            fix=f"See which one: fuser -v {shlex.quote(str(run.lock))}",
        )
    return read_status(run)


def _remedy_of_ended(run: RunDir, status: RunStatus) -> str:
    if status.state != "done":
        return f"Go on with it: odapi resume {run.typed}"
    more = f"odapi resume {run.typed} --num-steps N"
    return f"See how it went: odapi report {run.typed}; train on: {more}"


def _live_job(run: RunDir) -> Job | None:
    """The job that a run has in Slurm, while that knows it."""
    job = find_job(run) if RunSpec.load(run).options.cluster is not None else None
    return job if job and job.look_up().state in {"waiting", "active"} else None


def _stop_job(run: RunDir, job: Job) -> None:
    EventLog(run, "launch").write(WITHDRAWN, job=job.number)
    begun = any(event.get("job") == job.number for event in read_events(run, "supervise"))
    if begun and job.look_up().state == "active":
        ask_to_end(job.number)
        wait_until(lambda: not read_status(run).is_live, _STOP_SECONDS)
    if _live_job(run):  # it has not begun, or is queued again, or does not listen
        cancel(job.number)
        wait_until(lambda: read_status(run).has_ended, _CANCEL_SECONDS)


def wait_for(run: RunDir, on_poll: Callable[[], None] = lambda: None) -> RunStatus:
    """Return when nothing of the run is alive any more; `on_poll` is called while it is."""
    while not (status := read_status(run)).has_ended or processes(run):
        on_poll()
        time.sleep(_WAIT_POLL_SECONDS)
    return status


def _refuse_elsewhere(run: RunDir, status: RunStatus) -> None:
    """A live run without a process here runs on another machine, where its lock may not reach."""
    if _live_job(run):
        raise RunError(
            f"{run.name}: {status.what or f'{status.state} in a job of Slurm'}",
            fix=f"Wait for its end, or end it: odapi stop {run.typed}",
        )
    # One that is locked here is being started just now.
    if status.is_live and not processes(run) and not is_locked(run):
        raise RunError(
            f"{run.name}: alive on another machine",
            fix="Use the command there, or wait until it has been silent for ten minutes.",
        )
