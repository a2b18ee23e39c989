"""With what a run was trained, from which step on: `odapi resume -s` changes it on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.formats.runlog import read_events
from odapi_runner.proto.parts import read_shared_pipeline
from odapi_runner.rundir import RunDir


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps that one revision of a run has trained; they end where the next stage begins."""

    begin: int  # the step from which it went on
    config: Any  # TrainEvalPipelineConfig
    options: dict[str, Any]  # what `odapi train` was asked

    @property
    def images_a_step(self) -> int:
        """How many of them all workers see together."""
        return int(self.config.train_config.batch_size) * int(self.options.get("accumulate", 1))


def read_stages(run: RunDir, config: Any, options: dict[str, Any]) -> tuple[Stage, ...]:
    """The stages of a run by their first steps; the first one begins at step 0.

    What was trained before any trainer told of its start, as in a run that was adopted, is the
    first revision's.

    Args:
        run: whose.
        config: its newest one.
        options: of its newest revision.

    Raises:
        OdapiError: the config of an earlier revision cannot be read.
    """
    if run.revision() == 1:
        return (Stage(0, config, options),)
    read = {1: _of_revision(run, 1)}
    stages = [Stage(0, *read[1])]
    revision = 1
    for event in read_events(run):
        if event["kind"] == "revised":
            revision = event["revision"]
        elif event["kind"] == "started" and event.get("role") == "train":
            if revision not in read:
                read[revision] = _of_revision(run, revision)
            # A training that went on from an earlier checkpoint has seen what it had seen there.
            before = [stage for stage in stages if stage.begin < event["step"]]
            stages = [*before, Stage(event["step"], *read[revision])]
    return tuple(stages)


def stage_at(stages: Sequence[Stage], step: int) -> Stage | None:
    """The one that has trained a step; the first one for step 0, None where there is none."""
    passed = [stage for stage in stages if stage.begin < step]
    return passed[-1] if passed else next(iter(stages), None)


def read_object(path: Path) -> dict[str, Any]:
    """The object of a JSON file; nothing where there is none."""
    try:
        value = files.read_json(path)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _of_revision(run: RunDir, revision: int) -> tuple[Any, dict[str, Any]]:
    options = read_object(run.run_json_of(revision)).get("options")
    config = read_shared_pipeline(run.config_of(revision))
    return config, options if isinstance(options, dict) else {}
