"""What going on with a run would mean, as it was or changed: nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from odapi_runner.backends import AUTO, find_engine, refuse_others
from odapi_runner.backends.check import check_run
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline, read_text
from odapi_runner.rundir import RunDir
from odapi_runner.runs.checkpoints import Saved, begin_with, newest_checkpoint
from odapi_runner.runs.child import has_trained
from odapi_runner.runs.options import JOB_OPTIONS, RunOptions
from odapi_runner.runs.policies.columns import refuse_unmeasured
from odapi_runner.runs.slurm.request import refuse_unfit
from odapi_runner.runs.spec import RunSpec
from odapi_runner.runs.workers import count_replicas
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


def plan_resumption(run: RunDir, wish: Asked) -> Resumption:
    """What going on with a run would mean; nothing is written, its lock is the caller's.

    Raises:
        ConfigError: a change does not fit, or no evaluation has a metric that an option looks at.
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
    if options.cluster is not None or any(name in JOB_OPTIONS for name in wish.options or ()):
        refuse_unfit(options, device)
    refuse_unmeasured(options, changed.message, Workspace(run.root.parent.parent), engine=engine)
    known = None if wish.engine else before
    checked = AUTO if engine == WATCHED else engine
    findings = _check(run, spec, known, changed.message, text, checked, start, device, options)
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
    spec: RunSpec,
    before: Any,
    message: Any,
    text: str,
    engine: str,
    start: Saved | None,
    device: str,
    options: RunOptions,
) -> tuple[Finding, ...]:
    """The findings of the changed run; none that it had `before`, told or let pass by its user."""
    place = Workspace(run.root.parent.parent)

    def find(config: Any, device: str, options: RunOptions) -> list[Finding]:
        started = _started_from(config, start, place)
        found = check_run(
            started,
            place,
            engine=engine,
            text=text,
            from_scratch=not started.train_config.fine_tune_checkpoint,
            devices=count_replicas(device, options),
            workers=options.workers,
        )
        return [_of_resume(one, run) for one in found if _concerns_resume(one)]

    found = find(message, device, options)
    if before is None or all(one.severity == "hint" for one in found):
        return tuple(found)
    earlier = find(before, spec.device, spec.options)
    known = {(one.rule, one.place, one.what) for one in earlier}
    return tuple(one for one in found if (one.rule, one.place, one.what) not in known)


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
