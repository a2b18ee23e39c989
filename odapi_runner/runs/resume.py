"""Going on with a run, as it was or changed: `odapi resume`.

A change is a revision of the run (`revise`), checked as a new run is before anything is written.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from odapi_runner.backends import AUTO, find_engine, refuse_others
from odapi_runner.backends.check import check
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import ConfigError, RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.pipeline.finding import Finding, refuse_errors
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline, read_text
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import Saved, begin_with, newest_checkpoint
from odapi_runner.runs.child import has_trained, last_told
from odapi_runner.runs.claims import refuse_busy
from odapi_runner.runs.control import start_supervisor, take_over
from odapi_runner.runs.foreign import find_trainer
from odapi_runner.runs.gpu_load import read_loads
from odapi_runner.runs.gpus import count_devices
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.reject import reject_damaged
from odapi_runner.runs.revise import revise
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.status import RunStatus, read_status
from odapi_runner.runs.watcher import watch
from odapi_runner.workspace import Workspace

_CHECKPOINT_FIELDS = ("fine_tune_checkpoint", "fine_tune_checkpoint_type")


@dataclass(frozen=True, slots=True)
class Resumption:
    """What going on with a run means, before anything is written.

    Attributes:
        start: the checkpoint that training goes on from; None: from the beginning.
        num_steps: to which step.
        is_trained: whether nothing is left but evaluations.
        revision: the number that the changed run gets; None: nothing is changed.
        notes: what the user should know of the changes.
        findings: of the changed config.
    """

    start: Saved | None
    num_steps: int
    is_trained: bool
    revision: int | None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def has_error(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be changed of a run; nothing by default."""

    changes: Changes = field(default_factory=Changes)
    device: str | None = None
    options: Mapping[str, Any] | None = None  # of `RunOptions`
    engine: str | None = None

    def __bool__(self) -> bool:
        asked = self.device is not None or self.options or self.engine is not None
        return bool(self.changes or asked)


def resume(
    run: RunDir,
    *,
    changes: Changes | None = None,
    num_steps: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> RunStatus:
    """Go on with a run from its newest whole checkpoint: `odapi resume` as a call.

    Where training has finished, what still waits is evaluated; with more steps it goes on.
    Arguments as those of `prepare_resume`.
    """
    lock = prepare_resume(run, changes=changes, num_steps=num_steps, device=device, options=options)
    start_supervisor(run, lock)
    return read_status(run)


def prepare_resume(
    run: RunDir,
    *,
    changes: Changes | None = None,
    num_steps: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    on_plan: Callable[[Resumption], None] = lambda _: None,
) -> int:
    """Check what is to be changed, and write it as a revision.

    Args:
        run: the run; nothing of it may be alive.
        changes: of its config, from now on.
        num_steps: short for the override `num_steps=`, which moves the schedule with it.
        device: another one, as for `odapi train --gpu`.
        options: those of `RunOptions` that change, by name.
        on_plan: told what it means, before anything is written.

    Returns:
        The run's lock, for the supervisor.

    Raises:
        ConfigError: a change does not fit, or the checked config has an error.
        RunError: the run lives, or has nothing left to do; or it is beyond `num_steps`; or a free
            GPU is wanted, and none is.
    """
    asked = changes or Changes()
    if num_steps is not None:
        asked = replace(asked, overrides=(*asked.overrides, f"num_steps={num_steps}"))
    wish = Asked(asked, device, options)
    status = read_status(run)
    find_engine(RunSpec.load(run).engine)
    if not wish:
        _refuse_done(run, status)
    with contextlib.ExitStack() as stack:
        lock = take_over(run)
        stack.callback(os.close, lock)
        wish = replace(wish, engine=_engine_of_adopted(run))
        events = EventLog(run, "launch")
        reject_damaged(run, events)
        plan = plan_resumption(run, wish)
        _refuse_steps(run, plan, status)
        on_plan(plan)
        refuse_errors(plan.findings)
        wanted = RunSpec.load(run).device if device is None else device
        if wanted == "auto" and not plan.is_trained:
            refuse_busy(read_loads())
        if plan.revision is not None:
            words = " ".join(wish.changes.words()) or ("odapi" if wish.engine else "other options")
            revise(
                run,
                events,
                why=f"resumed with {words}",
                overrides=wish.changes.overrides,
                deletes=wish.changes.deletes,
                device=device,
                engine=wish.engine,
                options=options,
            )
        stack.pop_all()  # the lock goes over to the supervisor
    return lock


def plan_resumption(run: RunDir, wish: Asked) -> Resumption:
    """What going on with a run would mean; nothing is written, its lock is the caller's.

    Raises:
        ConfigError: a change does not fit.
        RunError: the engine has not an option.
    """
    spec, start = RunSpec.load(run), newest_checkpoint(run)
    if not wish:
        is_trained = has_trained(run, spec.num_steps)
        return Resumption(start, spec.num_steps, is_trained, revision=None)
    try:
        options = replace(spec.options, **(wish.options or {}))
    except ValueError as error:
        raise ConfigError(f"{run.name}: {error}", fix="odapi resume --help") from error
    engine = wish.engine or spec.engine
    refuse_others(options, engine)
    options = find_engine(engine).settle(options)
    text = read_text(run.config)
    before = parse_pipeline(text, str(run.config))
    changed = apply_changes(before, wish.changes)
    num_steps = changed.message.train_config.num_steps
    device = spec.device if wish.device is None else wish.device
    known = None if wish.engine else before
    checked = AUTO if engine == WATCHED else engine
    findings = _check(run, known, changed.message, text, checked, start, device, options)
    find_engine(engine).refuse_options(changed.message, options)
    return Resumption(
        start=start,
        num_steps=num_steps,
        is_trained=has_trained(run, num_steps),
        revision=run.revision() + 1,
        notes=changed.notes,
        findings=findings,
    )


def _check(
    run: RunDir,
    before: Any,
    message: Any,
    text: str,
    engine: str,
    start: Saved | None,
    device: str,
    options: RunOptions,
) -> tuple[Finding, ...]:
    """The findings of the changed config, without errors that its user let pass `before`."""
    place = Workspace(run.root.parent.parent)
    devices = count_devices(device) * options.workers

    def find(config: Any) -> list[Finding]:
        started = _started_from(config, start, place)
        found = check(
            started,
            place,
            engine=engine,
            text=text,
            from_scratch=not started.train_config.fine_tune_checkpoint,
            devices=devices,
            workers=options.workers,
        )
        return [_of_resume(one, run) for one in found if _concerns_resume(one)]

    found = find(message)
    if before is None or not any(one.severity == "error" for one in found):
        return tuple(found)
    known = {(one.rule, one.place, one.what) for one in find(before)}
    return tuple(
        one
        for one in found
        if one.severity != "error" or (one.rule, one.place, one.what) not in known
    )


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


def _started_from(message: Any, start: Saved | None, place: Workspace) -> Any:
    """A config whose fine-tune checkpoint is what the training goes on from.

    The one that it began with may be gone: nothing reads it any more.
    """
    if start is None:
        return message
    if start.has_weights:
        changes = Changes(begin_with(str(start.prefix.relative_to(place.root))))
    else:
        train = message.train_config
        names = [name for name in _CHECKPOINT_FIELDS if train.HasField(name)]
        changes = Changes(deletes=tuple(f"train_config.{name}" for name in names))
    return apply_changes(message, changes).message


def _concerns_resume(finding: Finding) -> bool:
    """Of a checkpoint only what keeps it from being restored; it rotates, and was trained."""
    return finding.severity == "error" or not finding.rule.startswith(
        ("checkpoint", "from-scratch")
    )


def _of_resume(finding: Finding, run: RunDir) -> Finding:
    if not finding.rule.startswith("checkpoint"):
        return finding
    return replace(
        finding, fix=f"Train into a new run: odapi train --from {run.typed} --help", line=None
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
