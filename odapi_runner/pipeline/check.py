"""Everything about a config that can be known before TensorFlow starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules import checkpoint, classes, labels, records, schedule
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Look, build_subject
from odapi_runner.proto.text import read_pipeline
from odapi_runner.records.progress import Track, untracked
from odapi_runner.workspace import Workspace, find_workspace

RULES: tuple[Rule, ...] = (
    *classes.RULES,
    *schedule.RULES,
    *records.RULES,
    *labels.RULES,
    *checkpoint.RULES,
)


def check(
    config: str | Path | Any,
    workspace: Workspace | None = None,
    *,
    engine: str = "builtin",
    every_record: bool = False,
    decode: bool = False,
    from_scratch: bool = False,
    track: Track = untracked,
) -> list[Finding]:
    """What is wrong, or looks wrong, with a config and with the files that it names.

    Args:
        config: a file, or a TrainEvalPipelineConfig.
        workspace: where its relative paths start; the current one by default.
        engine: whose training it is for; a rule on another engine stays silent.
        every_record: look at all records, not only at a sample from each file.
        decode: decode the images looked at as a whole, not only their headers.
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
    look = Look(every_record=every_record, decode=decode, track=track)
    subject = build_subject(message, workspace or find_workspace(), look)
    rules = (rule for rule in RULES if rule.concerns(engine))
    return [finding for rule in rules for finding in rule.find(subject)]
