"""A config checked for the engine that is to train it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odapi_runner.backends import AUTO, ENGINES, find_engine
from odapi_runner.backends.automl.engine import AUTOML
from odapi_runner.errors import RunError, did_you_mean
from odapi_runner.pipeline import check as pipeline_check
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.catalogue import RULES
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.workspace import Workspace

# Engines whose training the rules know; the second is the Object Detection API itself.
CHECKED = ("builtin", "tf-models", AUTOML)


def all_rules() -> tuple[Rule, ...]:
    """The rules on every config, then those of each engine."""
    return (*RULES, *(rule for one in ENGINES.values() for rule in one.rules))


def check(
    config: str | Path | Any,
    workspace: Workspace | None = None,
    *,
    engine: str = "auto",
    **options: Any,
) -> list[Finding]:
    """What is wrong, or looks wrong, with a config, its files, and what it asks of an engine.

    Args:
        config: a file, or a TrainEvalPipelineConfig.
        workspace: where its relative paths start; the current one by default.
        engine: `auto`, `builtin`, `tf-models` or `automl`.
        options: as of `pipeline.check.check`: every_record, decode, from_scratch, devices, ….

    Returns:
        The findings; a training is refused where one of them is an error.

    Raises:
        ConfigError: the file cannot be read, or is no pipeline.config.
        RunError: there is no such engine.
    """
    chosen = AUTO if engine == "auto" else engine
    if chosen not in CHECKED:
        fix = did_you_mean(engine, CHECKED) or f"Known engines: {', '.join(CHECKED)}."
        raise RunError(f'there is no engine "{engine}"', fix=fix)
    rules = all_rules()
    if chosen == AUTOML:  # whose checkpoints are others
        rules = tuple(rule for rule in rules if not rule.id.startswith("checkpoint"))
    found = pipeline_check.check(config, workspace, engine=chosen, rules=rules, **options)
    return _without_echoes(found)


def check_run(config: Any, workspace: Workspace, *, engine: str, **options: Any) -> list[Finding]:
    """What is wrong with the config of a run, whose engine is given what it has not by itself.

    Arguments and errors as those of `check`.
    """
    cured = find_engine(engine).cured
    found = check(config, workspace, engine=engine, **options)
    return [finding for finding in found if finding.rule not in cured]


def _without_echoes(found: Sequence[Finding]) -> list[Finding]:
    """The findings less an engine's refusals of what a rule on every config has refused there."""
    of_engines = {rule.id for one in ENGINES.values() for rule in one.rules}
    refused = {
        finding.place
        for finding in found
        if finding.severity == "error" and finding.rule not in of_engines
    }
    return [
        finding
        for finding in found
        if finding.rule not in of_engines or finding.place not in refused
    ]
