"""The state of a run, derived each time from its events, its heartbeats and its processes.

queued       waits in the queue of a machine       done      trained, all evaluated
running      the trainer works                     failed    and `what` says why
evaluating   training has ended, some still wait   stopped   on request; `resume` goes on
lost         the supervisor died without a word
"""

from __future__ import annotations

import shlex
import socket
import time
from dataclasses import dataclass
from typing import Any

from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.metrics import best_step
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import HUNG, WENT_ON
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.process import ProcessId, is_alive, is_here
from odapi_runner.runs.queue.entries import read_queue
from odapi_runner.runs.spec import RunSpec

# A run on another machine counts as alive while its heartbeats are younger than this; tracing a
# large network takes minutes without one.
SILENCE_SECONDS = 600

LIVE_STATES = ("running", "evaluating")
QUEUED = "queued"
_ENDS = {"finished": "done", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class RunStatus:
    """What is known of a run at one moment; None is not known (yet)."""

    run: str
    state: str
    phase: str | None  # of the trainer ("hung" is one), or of the evaluator when that has ended
    step: int | None
    num_steps: int
    steps_per_second: float | None
    seconds_left: float | None  # of the training
    loss: float | None  # of the training, latest
    metric: str  # by which the best checkpoint is kept
    last_step: int | None  # of the evaluations
    last_score: float | None
    best_step: int | None
    best_score: float | None
    waiting: int  # checkpoints
    rate_factor: float  # of the schedule's learning rate
    parent: str | None  # the run that it was started from
    parent_step: int | None
    options: str  # beside the config, as typed; those by default left out
    what: str  # why it failed, is lost or hangs; else empty

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def has_ended(self) -> bool:
        """Whether nothing will become of it by itself."""
        return not self.is_live and self.state != QUEUED


def read_status(run: RunDir) -> RunStatus:
    """Derive the state of a run.

    Raises:
        RunError: the folder holds no readable run.json.
    """
    spec = RunSpec.load(run)
    events = read_events(run, "supervise")
    state, since, what = _state(run, events)
    train = read_progress(run, "train") or {}
    active = read_progress(run, "eval") or {} if state == "evaluating" else train
    if state not in LIVE_STATES or active.get("time", 0.0) < since:
        active = {}  # a heartbeat of an earlier session says nothing about this one
    phase = active.get("phase", "starting") if state in LIVE_STATES else None
    if state == "running" and (found := _hang(events)):
        phase, what = HUNG, found
    metric = spec.options.best
    scores = read_scores(run, metric)
    last, best = max(scores, default=None), best_step(metric, scores)
    return RunStatus(
        run=run.name,
        state=state,
        phase=phase,
        step=train.get("step"),
        num_steps=spec.num_steps,
        steps_per_second=active.get("steps_per_second"),
        seconds_left=active.get("seconds_left"),
        loss=train.get("loss"),
        metric=metric,
        last_step=last,
        last_score=None if last is None else scores[last],
        best_step=best,
        best_score=None if best is None else scores[best],
        waiting=len(run.pending_checkpoints()),
        rate_factor=read_rate(run),
        parent=spec.parent,
        parent_step=spec.parent_step,
        options=shlex.join(spec.options.words(*spec.options.changed())),
        what=what,
    )


def processes(run: RunDir) -> dict[str, ProcessId]:
    """The latest supervisor, trainer and evaluator of a run that still live, by name."""
    latest = {
        _process_name(event): ProcessId.load(event["process"])
        for event in read_events(run, "supervise")
        if "process" in event
    }
    return {
        name: process for name, process in latest.items() if is_here(process) and is_alive(process)
    }


def _process_name(event: dict[str, Any]) -> str:
    return "supervisor" if event["kind"] == "started" else event["kind"].removesuffix("_started")


def _state(run: RunDir, told: list[dict[str, Any]]) -> tuple[str, float, str]:
    """The state by what supervisors told, since when the latest is at work, and why it is so."""
    starts = [place for place, event in enumerate(told) if event["kind"] == "started"]
    if not starts:
        return _never_started(run)
    own = told[starts[-1] :]
    since = own[0]["time"]
    # Somebody may have been told of the end since.
    end = next((event for event in reversed(own) if event["kind"] in _ENDS), None)
    if end is not None:
        return _ENDS[end["kind"]], since, end["what"]
    if not _is_supervised(run, ProcessId.load(own[0]["process"])):
        return "lost", since, f"its supervisor died; go on with: odapi resume {run.typed}"
    return "evaluating" if _has_trained(run, own) else "running", since, ""


def _has_trained(run: RunDir, own: list[dict[str, Any]]) -> bool:
    """Whether the trainer has ended and was not started again; or has finished before."""
    trainer = [event["kind"] for event in own if event["kind"].startswith("trainer_")]
    if trainer:
        return bool(trainer[-1] == "trainer_ended")
    return [event["kind"] for event in read_events(run, "train")][-1:] == ["finished"]


def _hang(told: list[dict[str, Any]]) -> str:
    """How the trainer hangs; empty where it does not."""
    kinds = {HUNG, WENT_ON, "trainer_started"}
    last = next((event for event in reversed(told) if event["kind"] in kinds), None)
    return str(last["what"]) if last and last["kind"] == HUNG else ""


def _never_started(run: RunDir) -> tuple[str, float, str]:
    """The state of a run without a supervisor; as `_state`."""
    events = read_events(run, "launch")
    told = events[-1] if events else {"kind": "nothing"}
    if told["kind"] == "failed":
        return "failed", 0.0, told["what"]
    if told["kind"] == "cancelled":
        what = f"it was taken out of the queue; start it with: odapi resume {run.typed}"
        return "stopped", 0.0, what
    if told["kind"] != "queued":
        return "lost", 0.0, f"its supervisor never started: see {run.log('supervise')}"
    if told["host"] != socket.gethostname():
        return QUEUED, 0.0, f"in the queue of {told['host']}"
    if read_queue().find(run) is None:
        what = f"it is in no queue any more; start it with: odapi resume {run.typed}"
        return "lost", 0.0, what
    return QUEUED, 0.0, ""


def _is_supervised(run: RunDir, supervisor: ProcessId) -> bool:
    if is_here(supervisor):
        return is_alive(supervisor)
    beats = [
        progress["time"] for role in ("train", "eval") if (progress := read_progress(run, role))
    ]
    return time.time() - max(beats, default=0.0) < SILENCE_SECONDS
