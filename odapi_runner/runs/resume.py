"""Going on with a run, as it was or changed: `odapi resume`; what that means says `resumption`.

A change is a revision of the run (`revise`), checked as a new run is before anything is written.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from odapi_runner.backends import AUTO, find_engine
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog, last_told
from odapi_runner.pipeline.finding import refuse_errors
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.rundir import RunDir
from odapi_runner.runs.claims import refuse_busy
from odapi_runner.runs.control import refuse_full, take_over
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.foreign import find_trainer
from odapi_runner.runs.gpu_load import read_loads
from odapi_runner.runs.mend import mend
from odapi_runner.runs.notify import settle_notify
from odapi_runner.runs.queue.control import put_in_queue, refuse_queued
from odapi_runner.runs.resumption import Asked, Resumption, plan_resumption
from odapi_runner.runs.revise import revise
from odapi_runner.runs.sessions import ASKED
from odapi_runner.runs.slurm.request import refuse_queue
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.start import start
from odapi_runner.runs.status import RunStatus, read_status
from odapi_runner.runs.watcher import watch
from odapi_runner.settings import change_words


def resume(
    run: RunDir,
    *,
    changes: Changes | None = None,
    num_steps: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    queue: bool = False,
    after: Sequence[RunDir] = (),
) -> RunStatus:
    """Go on with a run from its newest whole checkpoint: `odapi resume` as a call.

    Where training has finished, what still waits is evaluated; with more steps it goes on.
    Arguments as those of `prepare_resume`; with `queue` it goes on when it is its turn, and with
    runs in `after` these have to end before.
    """
    queue = queue or bool(after)
    lock = prepare_resume(
        run,
        changes=changes,
        num_steps=num_steps,
        device=device,
        options=options,
        queue=queue,
        after=after,
    )
    if queue:
        put_in_queue(run, lock, after)
    else:
        start(run, lock)
    return read_status(run)


def prepare_resume(
    run: RunDir,
    *,
    changes: Changes | None = None,
    num_steps: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    queue: bool = False,
    after: Sequence[RunDir] = (),
    on_plan: Callable[[Resumption], None] = lambda _: None,
) -> int:
    """Check what is to be changed, and write it as a revision.

    Args:
        run: the run; nothing of it may be alive.
        changes: of its config, from now on.
        num_steps: short for the override `num_steps=`, which moves the schedule with it.
        device: another one, as for `odapi train --gpu`.
        options: those of `RunOptions` that change, by name.
        queue: it is to wait for its turn, and gets a GPU of its own then, unless it has others.
        after: runs that have to end before, there.
        on_plan: told what it means, before anything is written.

    Returns:
        The run's lock, for the supervisor.

    Raises:
        ConfigError: a change does not fit, or the checked config has an error.
        RunError: the run lives, or has nothing left to do; or it is beyond `num_steps`; or a free
            GPU is wanted, and none is; or there is no program to notify; or it is to wait in the
            queue, and does already, or would wait for itself.
    """
    asked = changes or Changes()
    if num_steps is not None:
        asked = replace(asked, overrides=(*asked.overrides, f"num_steps={num_steps}"))
    if queue:
        refuse_queued(run, after)
        spec = RunSpec.load(run)
        refuse_queue((options or {}).get("cluster", spec.options.cluster))
        device = "auto" if (device or spec.device) == "visible" else device
    if options and options.get("notify") is not None:
        options = {**options, "notify": settle_notify(options["notify"])}
    wish = Asked(asked, device, options)
    status = read_status(run)
    refuse_full(run)
    find_engine(RunSpec.load(run).engine)
    if not wish:
        _refuse_done(run, status)
    with contextlib.ExitStack() as stack:
        lock = take_over(run)
        stack.callback(os.close, lock)
        wish = replace(wish, engine=_engine_of_adopted(run))
        events = EventLog(run, "launch")
        mended = _mend(run, events)
        plan = plan_resumption(run, wish)
        plan = replace(plan, notes=(*mended, *plan.notes))
        _refuse_steps(run, plan, status)
        on_plan(plan)
        refuse_errors(plan.findings)
        wanted = RunSpec.load(run).device if device is None else device
        if wanted == "auto" and not plan.is_trained and not queue:
            refuse_busy(read_loads())
        if plan.revision is not None:
            revise(
                run,
                events,
                why=f"resumed with {_words(wish)}",
                overrides=wish.changes.overrides,
                deletes=wish.changes.deletes,
                device=device,
                engine=wish.engine,
                options=options,
            )
        events.write(ASKED)
        stack.pop_all()  # the lock goes over to the supervisor
    return lock


def _words(wish: Asked) -> str:
    """What is changed, as it is typed."""
    device = [] if wish.device is None else ["--gpu", wish.device]
    words = [*wish.changes.words(), *device, *change_words(wish.options or {})]
    return shlex.join(words) or "odapi"


def _mend(run: RunDir, events: EventLog) -> list[str]:
    """Put right whatever is not whole; a sentence about each thing that was taken away."""
    since = events.now()
    mend(run, RunSpec.load(run).options, events)
    return [deed.what for deed in read_deeds(run) if deed.time > since]


def _engine_of_adopted(run: RunDir) -> str | None:
    """The engine that takes over from another program, once that has ended; None: as it was.

    Raises:
        RunError: another program trains in the run's own folder.
    """
    spec = RunSpec.load(run)
    if spec.adopted is None or (spec.engine != WATCHED and run.revision() > 1):
        return None
    trainer = find_trainer(Path(spec.adopted))
    if trainer is None:
        if spec.engine == WATCHED:  # nobody may have seen its end
            ended = threading.Event()
            ended.set()
            watch(run, ended)
        return AUTO
    if spec.engine == WATCHED:
        return None
    raise RunError(
        f"{run.name}: {spec.adopted} is in training by process {trainer.process.pid}",
        fix="Wait for its end, or end it, before odapi goes on with it.",
    )


def _refuse_done(run: RunDir, status: RunStatus) -> None:
    if status.state != "done":
        return
    more = f"Train on: odapi resume {run.typed} --num-steps N"
    if last_told(run, "train")["kind"] == "stopped":
        fix = f"{more}, or without the rule: odapi resume {run.typed} --early-stop none"
        raise RunError(f"{run.name}: {status.what}", fix=fix)
    raise RunError(
        f"{run.name}: finished at step {status.step}, there is nothing to resume", fix=more
    )


def _refuse_steps(run: RunDir, plan: Resumption, status: RunStatus) -> None:
    step = plan.start.step if plan.start else 0
    if plan.start and step > plan.num_steps:
        raise RunError(
            f"{run.name}: ckpt-{plan.start.number} is of step {step}, beyond {plan.num_steps}",
            fix=f"From an earlier step into a new run: odapi train --from {run.typed}@STEP",
        )
    if status.state == "done" and plan.is_trained:
        raise RunError(
            f"{run.name}: trained to step {step} of {plan.num_steps}, there is nothing to resume",
            fix=f"Train on: odapi resume {run.typed} --num-steps N",
        )
