"""Numbers as people read them, and the line that shows how a run goes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from odapi_runner.formats.runlog import read_progress
from odapi_runner.rundir import RunDir
from odapi_runner.runs.status import RunStatus


def duration(seconds: float) -> str:
    """`2 d 3 h`, `1 h 05 min`, `12 min`, `40 s`: the two largest units that matter."""
    minutes = round(seconds / 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min" if seconds >= 60 else f"{round(seconds)} s"


def progress_line(status: RunStatus) -> str:
    """One line: state, step of steps, speed, time left, best mAP."""
    parts = [status.phase or status.state]
    if status.step is not None:
        parts.append(f"step {status.step} of {status.num_steps}")
    if status.steps_per_second:
        parts.append(f"{status.steps_per_second:.3g} steps/s")
    if status.seconds_left is not None:
        parts.append(f"{duration(status.seconds_left)} left")
    if status.best_score is not None:
        parts.append(f"best {status.metric} {status.best_score:.4f} at {status.best_step}")
    if status.waiting:
        parts.append(f"{status.waiting} to evaluate")
    return f"{status.run}: " + ", ".join(parts)


def evaluation_line(run: RunDir) -> str:
    """One line: what the evaluator is doing."""
    told = read_progress(run, "eval") or {}
    at = f" step {told['step']}" if told.get("step") is not None else ""
    images = f", {told['images']} of {told['total_images']} images" if "images" in told else ""
    return f"{run.name}: {told.get('phase', 'starting')}{at}{images}"


@contextmanager
def after_ctrl_c(what: str) -> Iterator[None]:
    """Where Ctrl-C ends what is inside, say what goes on and what does not; exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        # A terminal has shown ^C, and perhaps a line of progress without an end.
        click.echo(f"{chr(10) * sys.stderr.isatty()}Interrupted: {what}", err=True)
        sys.exit(128 + signal.SIGINT)


def goes_on(run: RunDir) -> str:
    """What is to be said where only the watching of a run was interrupted."""
    return f"{run.name} goes on without this; end it with: odapi stop {run.typed}"


def show_start(run: RunDir, where: str) -> None:
    """Say where a run was started, if not here, and what to type next."""
    told = f"{run.name}: {where}\n" if where else ""
    click.echo(f"{told}  odapi status {run.typed}\n  odapi logs {run.typed} -f", err=True)


def queue_hint() -> str:
    """What to type next by who has put something into the queue; and that it is paused."""
    from odapi_runner.runs.queue.entries import read_queue

    paused = "The queue is paused; go on with: odapi queue resume\n" if read_queue().paused else ""
    return f"{paused}  odapi queue list"
