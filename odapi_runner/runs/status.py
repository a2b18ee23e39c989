"""What is known of a run at one moment: its state (`state`), and the figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from odapi_runner.formats.rate import read_rate
from odapi_runner.formats.runlog import read_events, read_progress
from odapi_runner.metrics import best_step
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import newest_checkpoint
from odapi_runner.runs.deeds import HUNG, WENT_ON
from odapi_runner.runs.policies.metric import read_scores
from odapi_runner.runs.process import ProcessId, is_alive, is_here
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.state import LIVE_STATES, QUEUED, read_state

# What trainer and evaluator say last.
_LAST_PHASES = frozenset({"done", "stopped", "failed"})
# What a trainer is at before it has read the checkpoint that it goes on from.
_FIRST_PHASES = frozenset({"starting", "building"})


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
    what: str  # why it failed, is lost or hangs, how its trainer crashed; else empty

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
    state = read_state(run, spec, events)
    train = read_progress(run, "train") or {}
    active = read_progress(run, "eval") or {} if state.name == "evaluating" else train
    worker = "trainer" if state.name == "running" else "evaluator"
    begun = {f"{worker}_started", "retrying"}
    starts = [event["time"] for event in events if event["kind"] in begun]
    if state.name not in LIVE_STATES or active.get("time", 0.0) < max([state.since, *starts]):
        active = {}  # a heartbeat of an earlier process says nothing about this one
    elif active.get("phase") in _LAST_PHASES:  # its end has not been seen yet
        active = {"phase": "ending"}
    phase = active.get("phase", "starting") if state.name in LIVE_STATES else None
    is_beginning = state.name == "running" and phase in _FIRST_PHASES
    what = _hang(events, worker) if state.name in LIVE_STATES else ""
    phase = HUNG if what else phase
    if state.name == "lost" and (names := survivors(run)):
        what = f"{state.what} (its {names[0]} is about to end; odapi stop {run.typed} waits for it)"
    metric = spec.options.best
    scores = read_scores(run, metric)
    last, best = max(scores, default=None), best_step(metric, scores)
    return RunStatus(
        run=run.name,
        state=state.name,
        phase=phase,
        step=_begun_at(run, train) if is_beginning else train.get("step"),
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
        what=what or state.what,
    )


def _begun_at(run: RunDir, told: Mapping[str, Any]) -> int | None:
    """Where a trainer is to begin that has not read its checkpoint yet, whatever it told before."""
    saved = newest_checkpoint(run)
    return saved.step if saved else told.get("step")


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


def survivors(run: RunDir) -> list[str]:
    """Who has outlived a supervisor that died: the trainer, the evaluator, or both.

    The kernel has told them to end (`lifeline`); a trainer saves before it does.
    """
    alive = processes(run)
    return [] if "supervisor" in alive else sorted(alive, reverse=True)


def _process_name(event: dict[str, Any]) -> str:
    return "supervisor" if event["kind"] == "started" else event["kind"].removesuffix("_started")


def _hang(told: list[dict[str, Any]], worker: str) -> str:
    """How trainer or evaluator hangs; empty where it does not."""
    kinds = {HUNG, WENT_ON, f"{worker}_started"}
    own = (event for event in reversed(told) if event.get("process_name", worker) == worker)
    last = next((event for event in own if event["kind"] in kinds), None)
    return str(last["what"]) if last and last["kind"] == HUNG else ""
