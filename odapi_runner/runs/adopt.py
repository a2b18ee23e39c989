"""`odapi adopt MODEL_DIR`: what `model_main_tf2` trains or has trained becomes a run.

Checkpoints and event files get further names in train/RUN (a folder in train/ becomes a run where
it is), and the metrics of its evaluations become those of the run. While the training goes on, it
is watched, and what it saves is evaluated.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner import __version__, files
from odapi_runner.backends import AUTO
from odapi_runner.backends.check import check
from odapi_runner.backends.watched import WATCHED
from odapi_runner.errors import ConfigError, OdapiError, RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline, read_text, render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.control import start_supervisor
from odapi_runner.runs.digests import read_digests
from odapi_runner.runs.foreign import (
    Trainer,
    find_trainer,
    last_step,
    read_evaluations,
    take_checkpoints,
    take_evaluations,
    take_event_files,
)
from odapi_runner.runs.lock import take_lock
from odapi_runner.runs.names import make_run_folder
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.process import identify
from odapi_runner.runs.spec import Digests, RunSpec, read_versions
from odapi_runner.workspace import Workspace, find_workspace


@dataclass(frozen=True, slots=True)
class Adopted:
    """What has become of a folder."""

    run: RunDir
    step: int
    num_steps: int
    checkpoints: int
    evaluations: int
    unevaluated: int  # checkpoints
    watched: bool  # its training goes on
    findings: tuple[Finding, ...]  # of its config, in this workspace


def adopt(
    model_dir: str | Path,
    *,
    config: str | Path | None = None,
    run: str | None = None,
    overrides: Sequence[str] = (),
    workspace: str | None = None,
    command: Sequence[str] = (),
) -> Adopted:
    """Make a run of a folder that another program trains or has trained into.

    Args:
        model_dir: its --model_dir.
        config: its pipeline.config, where that lies elsewhere.
        run: a name; that of the folder by default.
        overrides: each `PATH=VALUE`, for what is elsewhere in this workspace.
        workspace: the workspace's folder.
        command: what was typed, for the record.

    Raises:
        ConfigError: there is no config, or it cannot be read; an override does not fit.
        RunError: there is no such folder, no checkpoint in it, or it is a run already; or the name
            is taken, or none.
    """
    place = find_workspace(workspace, make=True)
    folder = _find_folder(model_dir)
    trainer = find_trainer(folder)
    source = _find_config(folder, config, trainer)
    text = read_text(source)
    message = parse_pipeline(text, str(source))
    if changes := Changes(tuple(overrides)):
        message = apply_changes(message, changes).message
        head = f"# From {source}, changed by odapi {__version__}: {' '.join(changes.words())}"
        text = f"{head}\n\n{render_pipeline(message)}"
    place.mark()
    made = _make_run(folder, run, place)
    with contextlib.ExitStack() as stack:
        lock = take_lock(made)
        stack.callback(os.close, lock)
        if made.config.resolve() != source.resolve() or changes:
            if made.config.exists():
                files.keep_backup(made.config)
            files.write_atomic(made.config, text)
        spec = _spec(made, folder, message, text, place, overrides, command, trainer is not None)
        found = _take(made, folder, spec)
        spec.dump(made)  # last: with it the folder is a run
        if trainer is not None:
            stack.pop_all()
            start_supervisor(made, lock)
    # It has begun: nothing reads any more what it began with.
    findings = (
        finding
        for finding in check(message, place, engine=AUTO, text=text)
        if not finding.rule.startswith("checkpoint")
    )
    return Adopted(made, *found, trainer is not None, tuple(findings))


def _find_folder(model_dir: str | Path) -> Path:
    folder = Path(model_dir).expanduser().resolve()
    fix = "Give the --model_dir of the training."
    if not files.is_folder(folder):
        raise RunError(f"{model_dir}: there is no such folder", fix=fix)
    if RunDir(folder).run_json_of(1).exists():
        known = RunDir(folder)
        raise RunError(f"{model_dir}: a run already", fix=f"See it: odapi status {known.typed}")
    if not RunDir(folder).checkpoints():
        inside = next((path.parent for path in sorted(folder.glob("*/ckpt-*.index"))), None)
        raise RunError(
            f"{model_dir}: there is no checkpoint of a training in it (ckpt-N.index)",
            fix=f"Did you mean {inside}?" if inside else fix,
        )
    return folder


def _find_config(folder: Path, config: str | Path | None, trainer: Trainer | None) -> Path:
    if config is not None:
        return Path(config)
    own = folder / "pipeline.config"
    if own.is_file():
        return own
    if trainer is not None and trainer.config is not None and trainer.config.is_file():
        return trainer.config
    raise ConfigError(
        f"{folder}: there is no pipeline.config in it",
        fix="Name the one that it was trained with: --config FILE",
    )


def _make_run(folder: Path, name: str | None, place: Workspace) -> RunDir:
    """The folder itself where it lies among the runs, else a new one."""
    if folder.parent != place.train.resolve():
        return make_run_folder(name or folder.name, place, exactly=name is not None)
    if name not in (None, folder.name):
        raise RunError(
            f"{folder}: lies in train/ already, where its name is that of the run",
            fix="Leave out --run.",
        )
    return RunDir(place.train / folder.name)


def _spec(
    run: RunDir,
    folder: Path,
    message: Any,
    text: str,
    place: Workspace,
    overrides: Sequence[str],
    command: Sequence[str],
    watched: bool,
) -> RunSpec:
    try:
        digests = read_digests(message, text, place)
    except (OdapiError, OSError):  # its data lies elsewhere: the findings say so
        digests = Digests(hashlib.sha256(text.encode()).hexdigest(), {}, {})
    return RunSpec(
        name=run.name,
        created=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        command=tuple(command),
        engine=WATCHED if watched else AUTO,
        device="visible",
        environment={},
        num_steps=message.train_config.num_steps,
        overrides=tuple(overrides),
        options=RunOptions(),
        versions=read_versions(),
        digests=digests,
        adopted=str(folder),
    )


def _take(run: RunDir, folder: Path, spec: RunSpec) -> tuple[int, int, int, int, int]:
    """Take what there is, and tell it as a trainer and its supervisor would have."""
    events = EventLog(run, "train")
    saved = take_checkpoints(folder, run, set(), events)
    take_event_files(folder, run)
    evaluations = read_evaluations(folder)
    take_evaluations(run, evaluations, saved, EventLog(run, "eval"), spec.options.best)
    step = last_step(folder, saved)
    is_done = step >= spec.num_steps
    ended = "finished" if is_done else "stopped"
    if spec.engine != WATCHED:
        events.write(ended, step=step)
        progress = {"time": 0.0, "phase": ended, "step": step, "num_steps": spec.num_steps}
        files.write_json(run.progress("train"), progress)
        supervisor = EventLog(run, "supervise")
        supervisor.write("started", process=identify(os.getpid()).dump())
        supervisor.write(ended, waiting=0, what="" if is_done else f"adopted from {folder}")
    others = [one for one in saved if one.step not in evaluations]
    return step, spec.num_steps, len(saved), len(evaluations), len(others)
