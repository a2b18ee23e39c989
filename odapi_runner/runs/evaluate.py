"""Evaluating checkpoints of a run that is not at work, by the engine's own evaluator."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from odapi_runner.backends import find_engine
from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog, last_told, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import checkpoint_at
from odapi_runner.runs.child import QUIET, Child
from odapi_runner.runs.control import take_over
from odapi_runner.runs.gpus import HIDDEN
from odapi_runner.runs.policies.queue import put_missing
from odapi_runner.runs.process import describe_exit
from odapi_runner.runs.spec import RunSpec

_GRACE_SECONDS = 20
_POLL_SECONDS = 0.25


def evaluate(
    run: RunDir,
    step: int | None = None,
    *,
    again: bool = False,
    on_poll: Callable[[], None] = lambda: None,
) -> list[int]:
    """Evaluate checkpoints that are still in the run folder; returns when that is done.

    Args:
        run: the run; nothing of it may be alive.
        step: only the checkpoint of this step, evaluated before or not.
        again: all checkpoints; without it those that have no evaluation yet.
        on_poll: called several times a second, for showing progress.

    Returns:
        The steps that were evaluated, ascending.

    Raises:
        RunError: the run lives, there is no such checkpoint, or the evaluator failed.
    """
    spec = RunSpec.load(run)
    backend = find_engine(spec.engine)
    lock = take_over(run)
    events = EventLog(run, "launch")
    started_at = time.time()
    try:
        if step is None and not again:
            run.pending.mkdir(exist_ok=True)
            put_missing(run)
            run.pending_closed.touch()
            chosen, wanted = [], run.pending_checkpoints()
        else:
            chosen = wanted = (
                run.checkpoints() if step is None else [checkpoint_at(run, step).number]
            )
        if wanted:
            argv = backend.evaluator_argv(run, options=spec.options, checkpoints=chosen)
            _run_evaluator(run, argv, lock, events, on_poll)
    finally:
        if not spec.options.evaluate:
            # The trainer of a run without evaluation hands nothing over where this is absent.
            run.pending_closed.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                run.pending.rmdir()
        os.close(lock)
    told = (event for event in read_events(run) if event["time"] >= started_at)
    return sorted({event["step"] for event in told if event["kind"] == "evaluated"})


def _run_evaluator(
    run: RunDir, argv: list[str], lock: int, events: EventLog, on_poll: Callable[[], None]
) -> None:
    child = Child("evaluator", "eval", lambda: argv, lambda: QUIET | HIDDEN)
    child.start(run, lock, events)
    try:
        while (code := child.collect(events)) is None:
            on_poll()
            time.sleep(_POLL_SECONDS)
    finally:
        child.end(_GRACE_SECONDS, lambda: False)  # where Ctrl-C has ended the waiting
        child.collect(events)
    if code:
        why = last_told(run, "eval", since=child.started_at).get("what", describe_exit(code))
        raise RunError(
            f"{run.name}: the evaluator failed: {why}", fix=f"See odapi logs {run.typed} --eval"
        )
