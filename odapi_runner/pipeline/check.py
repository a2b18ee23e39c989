"""Everything about a config that can be known before TensorFlow starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules import checkpoint, classes, records, schedule
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import build_subject
from odapi_runner.proto.text import read_pipeline
from odapi_runner.workspace import Workspace, find_workspace

T = TypeVar("T")

RULES: tuple[Rule, ...] = (
    *classes.RULES,
    *schedule.RULES,
    *records.RULES,
    *checkpoint.RULES,
)


def _untracked(items: Sequence[T], title: str) -> Iterable[T]:  # noqa: ARG001 - a `Track`
    return items


def check(
    config: str | Path | Any,
    workspace: Workspace | None = None,
    *,
    engine: str = "builtin",
    every_record: bool = False,
    from_scratch: bool = False,
    track: records.Track[Any] = _untracked,
) -> list[Finding]:
    """What is wrong, or looks wrong, with a config and with the files that it names.

    Args:
        config: a file, or a TrainEvalPipelineConfig.
        workspace: where its relative paths start; the current one by default.
        engine: whose training it is for; a rule on another engine stays silent.
        every_record: look at all records, not only at a sample from each file.
        from_scratch: leave `fine_tune_checkpoint` out of account.
        track: shows progress over the records of a reader.

    Returns:
        The findings in the order of the rules; none where all is well.

    Raises:
        ConfigError: the file cannot be read, or is no pipeline.config.
    """
    message = read_pipeline(Path(config)) if isinstance(config, str | Path) else config
    if from_scratch:
        message = type(message).FromString(message.SerializeToString())
        message.train_config.ClearField("fine_tune_checkpoint")
    subject = build_subject(message, workspace or find_workspace())
    rules = (rule for rule in RULES if rule.concerns(engine))
    found = [finding for rule in rules for finding in rule.find(subject)]
    found += records.records_are_usable(subject, every_record=every_record, track=track)
    return found
