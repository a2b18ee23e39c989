"""The state of a run, derived each time from its events, its heartbeats and its processes.

running      the trainer works                     done      trained, all evaluated
evaluating   training has ended, some still wait   failed    and `what` says why
lost         the supervisor died without a word    stopped   on request; `resume` goes on
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import ProcessId, is_alive, is_here
from odapi_runner.runs.spec import RunSpec

# A run on another machine counts as alive while its heartbeats are younger than this; tracing a
# large network takes minutes without one.
SILENCE_SECONDS = 600

LIVE_STATES = ("running", "evaluating")
_ENDS = {"finished": "done", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class RunStatus:
    """What is known of a run at one moment; None is not known (yet)."""

    run: str
    state: str
    phase: str | None  # of the trainer, or of the evaluator when training has ended
    step: int | None
    num_steps: int
    steps_per_second: float | None
    seconds_left: float | None  # of the training
    last_step: int | None  # of the evaluations
    last_mAP: float | None  # noqa: N815 - the metric's name everywhere
    best_step: int | None
    best_mAP: float | None  # noqa: N815
    waiting: int  # checkpoints
    what: str  # why it failed or is lost; else empty

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES


def read_status(run: RunDir) -> RunStatus:
    """Derive the state of a run.

    Raises:
        RunError: the folder holds no readable run.json.
    """
    spec = RunSpec.load(run)
    events = read_events(run)
    state, since, what = _state(run, events)
    train = read_progress(run, "train") or {}
    active = read_progress(run, "eval" if state == "evaluating" else "train") or {}
    if state not in LIVE_STATES or active.get("time", 0.0) < since:
        active = {}  # a heartbeat of an earlier session says nothing about this one
    scores = _scores(events)
    last = max(scores, default=None)
    best = max(scores, key=lambda step: scores[step], default=None)
    return RunStatus(
        run=run.name,
        state=state,
        phase=active.get("phase", "starting") if state in LIVE_STATES else None,
        step=train.get("step"),
        num_steps=spec.num_steps,
        steps_per_second=active.get("steps_per_second"),
        seconds_left=active.get("seconds_left"),
        last_step=last,
        last_mAP=None if last is None else scores[last],
        best_step=best,
        best_mAP=None if best is None else scores[best],
        waiting=len(run.pending_checkpoints()),
        what=what,
    )


def processes(run: RunDir) -> dict[str, ProcessId]:
    """The latest supervisor, trainer and evaluator of a run that still live, by name."""
    latest = {
        _process_name(event): ProcessId.load(event["process"])
        for event in read_events(run)
        if event.get("role") == "supervise" and "process" in event
    }
    return {
        name: process for name, process in latest.items() if is_here(process) and is_alive(process)
    }


def _process_name(event: dict[str, Any]) -> str:
    return "supervisor" if event["kind"] == "started" else event["kind"].removesuffix("_started")


def _state(run: RunDir, events: list[dict[str, Any]]) -> tuple[str, float, str]:
    """The state, since when the latest supervisor is at work, and why it is so."""
    own = [event for event in events if event.get("role") == "supervise"]
    starts = [place for place, event in enumerate(own) if event["kind"] == "started"]
    if not starts:
        return "lost", 0.0, f"its supervisor never started: see {run.log('supervise')}"
    own = own[starts[-1] :]
    since, end = own[0]["time"], own[-1]
    if end["kind"] in _ENDS:
        return _ENDS[end["kind"]], since, end["what"]
    if not _is_supervised(run, ProcessId.load(own[0]["process"])):
        return "lost", since, f"its supervisor died; go on with: odapi resume {run.typed}"
    told = [event["kind"] for event in events if event.get("role") == "train"]
    has_ended = any(event["kind"] == "trainer_ended" for event in own)
    is_evaluating = has_ended or told[-1:] == ["finished"]
    return "evaluating" if is_evaluating else "running", since, ""


def _is_supervised(run: RunDir, supervisor: ProcessId) -> bool:
    if is_here(supervisor):
        return is_alive(supervisor)
    beats = [
        progress["time"] for role in ("train", "eval") if (progress := read_progress(run, role))
    ]
    return time.time() - max(beats, default=0.0) < SILENCE_SECONDS


def _scores(events: list[dict[str, Any]]) -> dict[int, float]:
    """mAP by step; the latest evaluation of a step counts; no groundtruth (-1) is no score."""
    scores = {event["step"]: event["mAP"] for event in events if event["kind"] == "evaluated"}
    return {step: score for step, score in scores.items() if score is not None and score >= 0}
