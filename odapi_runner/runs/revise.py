"""Changing a run on the way: a new revision of its config, and of what was asked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from odapi_runner import __version__, files
from odapi_runner.backends import find_engine
from odapi_runner.errors import ConfigError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline, read_text, render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.digests import read_digests
from odapi_runner.runs.gpus import device_environment
from odapi_runner.runs.spec import Digests, RunSpec
from odapi_runner.workspace import Workspace


def revise(
    run: RunDir,
    events: EventLog,
    *,
    why: str,
    overrides: Sequence[str] = (),
    deletes: Sequence[str] = (),
    device: str | None = None,
    engine: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> RunSpec:
    """Write the next revision of a run, of which no trainer is alive.

    Args:
        run: the run.
        events: where it is told.
        why: a sentence for people.
        overrides: each `PATH=VALUE`, of the config as it was.
        deletes: each the path of a field that is left out.
        device: another one, as for `odapi train --gpu`.
        engine: another one.
        options: those of `RunOptions` that change.

    Returns:
        What counts now.

    Raises:
        ConfigError: an override or an option does not fit.
    """
    spec = RunSpec.load(run)
    number = run.revision() + 1
    text = read_text(run.config)
    before = message = parse_pipeline(text, str(run.config))
    if changes := Changes(tuple(overrides), tuple(deletes)):
        message = apply_changes(before, changes).message
        head = f"# Revision {number} of {run.name} by odapi {__version__}: {why}"
        text = f"{head}\n# {' '.join(changes.words())}\n\n{render_pipeline(message)}"
    try:
        asked = dataclasses.replace(spec.options, **(options or {}))
        asked = find_engine(engine or spec.engine).settle(asked)
    except ValueError as error:
        raise ConfigError(f"{run.name}: {error}", fix="odapi resume --help") from error
    revised = dataclasses.replace(
        spec,
        engine=engine or spec.engine,
        device=device or spec.device,
        environment=spec.environment if device is None else device_environment(device),
        num_steps=message.train_config.num_steps,
        overrides=(*spec.overrides, *overrides),
        deletes=(*spec.deletes, *deletes),
        options=asked,
        digests=_digests(spec, before, message, text, Workspace(run.root.parent.parent)),
    )
    files.write_atomic(run.config_of(number), text)
    revised.dump(run, number)  # last: with it the revision counts
    events.write(
        "revised",
        revision=number,
        why=why,
        overrides=list(overrides),
        deletes=list(deletes),
        device=device,
        engine=engine,
        options=options,
    )
    return revised


def _digests(spec: RunSpec, before: Any, message: Any, text: str, place: Workspace) -> Digests:
    """Those of the revision; of files that it reads as before they stay, as they were read then."""
    readers = ("train_input_reader", "eval_input_reader")
    if any(getattr(before, name) != getattr(message, name) for name in readers):
        return read_digests(message, text, place)
    return dataclasses.replace(spec.digests, config=hashlib.sha256(text.encode()).hexdigest())
