"""Changing a run on the way: a new revision of its config, and of what was asked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from odapi_runner import __version__, files
from odapi_runner.errors import ConfigError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.pipeline.overrides import Changes, apply_changes
from odapi_runner.proto.text import parse_pipeline, read_text, render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.runs.gpus import device_environment
from odapi_runner.runs.spec import RunSpec


def revise(
    run: RunDir,
    events: EventLog,
    *,
    why: str,
    overrides: Sequence[str] = (),
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> RunSpec:
    """Write the next revision of a run, of which no trainer is alive.

    Args:
        run: the run.
        events: where it is told.
        why: a sentence for people.
        overrides: each `PATH=VALUE`, of the config as it was.
        device: another one, as for `odapi train --gpu`.
        options: those of `RunOptions` that change.

    Returns:
        What counts now.

    Raises:
        ConfigError: an override does not fit.
    """
    spec = RunSpec.load(run)
    number = run.revision() + 1
    before = read_text(run.config)
    changed = apply_changes(parse_pipeline(before, str(run.config)), Changes(tuple(overrides)))
    typed = " ".join(f"-s {item}" for item in overrides)
    head = f"# Revision {number} of {run.name} by odapi {__version__}: {why}"
    text = f"{head}\n# {typed}\n\n{render_pipeline(changed.message)}" if overrides else before
    try:
        asked = dataclasses.replace(spec.options, **(options or {}))
    except ValueError as error:
        raise ConfigError(f"{run.name}: {error}", fix="odapi resume --help") from error
    revised = dataclasses.replace(
        spec,
        device=device or spec.device,
        environment=spec.environment if device is None else device_environment(device),
        num_steps=changed.message.train_config.num_steps,
        overrides=(*spec.overrides, *overrides),
        options=asked,
        digests=dataclasses.replace(spec.digests, config=hashlib.sha256(text.encode()).hexdigest()),
    )
    files.write_atomic(run.config_of(number), text)
    revised.dump(run, number)  # last: with it the revision counts
    events.write("revised", revision=number, why=why, overrides=list(overrides), options=options)
    return revised
