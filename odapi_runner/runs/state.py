"""The state of a run, derived each time from its events, its heartbeats and its processes.

queued       waits for its turn, here or in Slurm  done      trained, all evaluated
running      the trainer works                     failed    and `what` says why
evaluating   training has ended, some still wait   stopped   on request; `resume` goes on
lost         the supervisor died without a word

Of a run in a job the scheduler says whether it is at work, wherever that can be asked: its word
counts more than a heartbeat.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from odapi_runner.formats.runlog import last_told, read_events, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.lock import is_locked
from odapi_runner.runs.process import ProcessId, identify, is_alive, is_here
from odapi_runner.runs.queue.entries import read_queue
from odapi_runner.runs.slurm.jobs import Job, find_job
from odapi_runner.runs.slurm.scheduler import Word
from odapi_runner.runs.spec import RunSpec

# A run on another machine counts as alive while its heartbeats are younger than this; tracing a
# large network takes minutes without one.
SILENCE_SECONDS = 600
# What a job has written last may still be on its way, on a disk that machines share.
_LAST_WORDS_SECONDS = 15
_ROOM = 1 << 14  # bytes; less is not even enough for events

LIVE_STATES = ("running", "evaluating")
QUEUED = "queued"
Event = dict[str, Any]
_OF_TRAINER = ("trainer_started", "trainer_ended", "retrying")
_ENDS = {"finished": "done", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class State:
    """What a run is at one moment."""

    name: str
    since: float = 0.0  # when its latest supervisor went to work, seconds since the epoch
    what: str = ""  # why it is so, where that is to be said


def read_state(run: RunDir, spec: RunSpec, told: Sequence[Event]) -> State:
    """Derive the state of a run.

    Args:
        run: the run.
        spec: what was asked of it.
        told: the events of its supervisors.
    """
    job = find_job(run) if spec.options.cluster is not None else None
    if job is not None:
        return _in_job(run, told, job)
    own = _latest_session(told)
    if not own:
        return _never_started(run)
    since, end = own[0]["time"], _end(own)
    if end is None and _is_supervised(run, own):
        return _at_work(run, own, since)
    launched = (read_events(run, "launch") or [{"kind": "nothing"}])[-1]
    if launched["kind"] == "queued" and launched.get("starts") == _starts(told):
        return _in_queue(run, launched)  # to go on
    if end is not None:
        return _ended(since, end)
    why = ", and its disk is full" if is_full(run) else ""
    then = f"go on with: odapi resume {run.typed}"
    if was_interrupted(spec, told) and read_queue().find(run) is not None:
        then = "it goes on when it is its turn: odapi queue list"
    return State("lost", since, f"its supervisor died{why}; {then}")


def was_interrupted(spec: RunSpec, told: Sequence[Event]) -> bool:
    """Whether processes that are no more were ended from outside: the queue starts the run again.

    `odapi stop` takes a run out of the queue, and a policy says that it ended it: what is left are
    a reboot, a logout, and kills. One that is killed again and again in one boot is let go.
    """
    end = _end(_latest_session(told))
    if end is not None and end["kind"] == "stopped" and not end.get("signalled"):
        return False
    boot = identify(os.getpid()).boot_id
    starts = [event["process"] for event in told if event["kind"] == "started"]
    in_this_boot = [start for start in starts if start["boot_id"] == boot]
    return len(in_this_boot) <= 1 + spec.options.retries


def is_full(run: RunDir) -> bool:
    """Whether the disk of a run has no room for what its processes write."""
    return shutil.disk_usage(run.root).free < _ROOM


def _in_job(run: RunDir, told: Sequence[Event], job: Job) -> State:
    """The state of a run whose supervisor is, or was, in a job; one job may have had several."""
    own = _latest_session(told, job.number)
    since, end = (own[0]["time"] if own else job.since), _end(own)
    # One that was told to stop may be about to be queued again.
    if end is not None and not (end["kind"] == "stopped" and end["signalled"]):
        return _ended(since, end)
    word = job.look_up()
    if word.state == "waiting":
        return State(QUEUED, since, f"job {job.number} waits in Slurm: {word.why}")
    if word.state == "active" or (own and end is None and _may_live(run, own, word)):
        return _at_work(run, own, since)
    if not own:
        return _never_began(run, job, word)
    if end is not None:
        return _ended(since, end)
    go_on = f"go on with: odapi resume {run.typed}"
    return State("lost", since, f"job {job.number} of Slurm died; {go_on}")


def _may_live(run: RunDir, own: Sequence[Event], word: Word) -> bool:
    """Whether a job that Slurm does not know, or cannot be asked for, may be at work."""
    if word.state == "unknown":
        return _is_supervised(run, own)
    latest = max(float(own[0]["time"]), _last_beat(run))
    return time.time() - latest < _LAST_WORDS_SECONDS


def _never_began(run: RunDir, job: Job, word: Word) -> State:
    """The state of a run whose job waits no more and has no supervisor."""
    if word.state == "unknown":
        what = f"job {job.number} of Slurm, which cannot be asked from here"
        return State(QUEUED, job.since, what)
    if job.withdrawn:
        return State("stopped", job.since, f"job {job.number} was cancelled before it began")
    what = f"job {job.number} of Slurm ended before it began: see {run.slurm}"
    return State("failed", job.since, what)


def _latest_session(told: Sequence[Event], job: str | None = None) -> Sequence[Event]:
    """The events of the supervisor that was started last, where it was, and in that job if any."""
    starts = [place for place, event in enumerate(told) if event["kind"] == "started"]
    if not starts or (job is not None and told[starts[-1]].get("job") != job):
        return []
    return told[starts[-1] :]


def _starts(told: Sequence[Event]) -> int:
    return sum(event["kind"] == "started" for event in told)


def read_end(run: RunDir, since: float = 0.0) -> State:
    """How the latest supervisor, started since then, has ended: that of a run that has.

    Its name is what the event says (`finished`, `failed`, `stopped`), or `lost`.
    """
    own = _latest_session(read_events(run, "supervise"))
    if not own or own[0]["time"] < since:
        return State("failed", what=f"its supervisor did not start: see {run.log('supervise')}")
    end = _end(own)
    if end is None:
        return State("lost", what="its supervisor died without a word")
    return State(end["kind"], end["time"], end["what"])


def _end(own: Sequence[Event]) -> Event | None:
    """Where a session has ended; somebody may have been told of it since."""
    return next((event for event in reversed(own) if event["kind"] in _ENDS), None)


def _ended(since: float, end: Event) -> State:
    return State(_ENDS[end["kind"]], since, end["what"])


def _at_work(run: RunDir, own: Sequence[Event], since: float) -> State:
    """What a session is at: it has trained where the trainer ended, and is not started again."""
    trainer = [event for event in own if event["kind"] in _OF_TRAINER]
    if trainer:
        if trainer[-1]["kind"] == "retrying":  # after a pause
            return State("running", since, f"{trainer[-1]['done']}: {trainer[-1]['what']}")
        if trainer[-1]["kind"] != "trainer_ended":
            return State("running", since)
        return State("evaluating", since, _crash(trainer[-1]))
    # It may have finished before.
    has_trained = bool(own) and last_told(run, "train")["kind"] == "finished"
    return State("evaluating" if has_trained else "running", since)


def _crash(end: Event) -> str:
    """How a trainer ended that did not end by itself or as it was told; else empty."""
    if end["code"] in {0, -signal.SIGTERM}:
        return ""
    return f"the trainer {end['how']}; what waits is evaluated before the run ends"


def _never_started(run: RunDir) -> State:
    """The state of a run without a supervisor."""
    events = read_events(run, "launch")
    told = events[-1] if events else {"kind": "nothing"}
    if told["kind"] == "failed":
        return State("failed", what=told["what"])
    if told["kind"] == "cancelled":
        start = f"start it with: odapi resume {run.typed}"
        return State("stopped", what=f"it was taken out of the queue; {start}")
    if told["kind"] != "queued":
        if is_locked(run):  # by whoever starts it just now
            return State("running")
        return State("lost", what=f"its supervisor never started: see {run.log('supervise')}")
    return _in_queue(run, told)


def _in_queue(run: RunDir, told: Event) -> State:
    """The state of a run that was put into the queue of a machine, and not started since."""
    if told["host"] != socket.gethostname():
        return State(QUEUED, what=f"in the queue of {told['host']}")
    if read_queue().find(run) is not None:
        return State(QUEUED)
    start = f"start it with: odapi resume {run.typed}"
    return State("lost", what=f"it is in no queue any more; {start}")


def _is_supervised(run: RunDir, own: Sequence[Event]) -> bool:
    supervisor = ProcessId.load(own[0]["process"])
    if is_here(supervisor):
        return is_alive(supervisor)
    return time.time() - _last_beat(run) < SILENCE_SECONDS


def _last_beat(run: RunDir) -> float:
    """When trainer or evaluator gave a sign of life last."""
    beats = (read_progress(run, role) for role in ("train", "eval"))
    return max((beat["time"] for beat in beats if beat), default=0.0)
