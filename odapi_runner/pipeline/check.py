"""Everything about a config that can be known before TensorFlow starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.files import is_folder
from odapi_runner.pipeline.comments import apply_comments, find_comments, has_comments
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.places import find_places, is_scalar, without_oneof
from odapi_runner.pipeline.presets import preset_names
from odapi_runner.pipeline.rules import comments
from odapi_runner.pipeline.rules.catalogue import RULES
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.pipeline.rules.subject import Look, Subject, build_subject
from odapi_runner.pipeline.syntax import parse_syntax
from odapi_runner.proto.text import parse_pipeline, read_text
from odapi_runner.records.progress import Track, untracked
from odapi_runner.workspace import Workspace, find_workspace


def check(
    config: str | Path | Any,
    workspace: Workspace | None = None,
    *,
    engine: str = "builtin",
    devices: int = 1,
    workers: int = 1,
    records: bool = True,
    every_record: bool = False,
    decode: bool = False,
    from_scratch: bool = False,
    track: Track = untracked,
    look: Look | None = None,
    text: str | None = None,
    rules: Sequence[Rule] = RULES,
) -> list[Finding]:
    """What is wrong, or looks wrong, with a config and with the files that it names.

    Args:
        config: a file, or a TrainEvalPipelineConfig.
        workspace: where its relative paths start; the current one by default.
        engine: whose training it is for; a rule on another engine stays silent.
        devices: how many the training's batches are spread over.
        workers: the number of machines that train together.
        records: look at records at all.
        every_record: look at all records, not only at a sample from each file.
        decode: decode the images looked at as a whole, not only their headers.
        from_scratch: leave `fine_tune_checkpoint` out of account: random weights are wanted.
        track: shows progress over the records of a reader.
        look: instead of the four on records, for several configs that share some.
        text: the text of a message, for its lines and for the comments in it that tell the check
            to ignore something; of a file it is read.
        rules: what to look for.

    Returns:
        The findings in the order of the rules; none where all is well.

    Raises:
        ConfigError: the file cannot be read, or is no pipeline.config.
    """
    message: Any = config
    if isinstance(config, str | Path):
        text = read_text(Path(config))
        message = parse_pipeline(text, str(config))
        if not message.ListFields():
            what = "the file is empty" if not text.strip() else "the file has no field"
            raise ConfigError(f"{config}: {what}", fix="Start from a preset: odapi render --help")
    if from_scratch:
        message = type(message).FromString(message.SerializeToString())
        message.train_config.ClearField("fine_tune_checkpoint")
    look = look or Look(records, every_record, decode, track)
    place = workspace or find_workspace()
    subject = build_subject(message, place, look, devices, workers, from_scratch)
    found = _find(subject, [rule for rule in rules if rule.concerns(engine)])
    return _with_lines(subject, found, text, rules) if text else found


def absent(config: str, workspace: Workspace) -> ConfigError:
    """Why there is nothing to check: neither a file nor a pipeline of the workspace."""
    what = f"{config}: no such file, and no pipeline of that name"
    if config in preset_names(workspace):
        fix = f"That is a preset; make a pipeline of it: odapi render --preset {config}"
        return ConfigError(what, fix=fix)
    names = sorted(path.parent.name for path in workspace.pipelines.glob("*/pipeline.config"))
    beside = Path(config).parent
    configs = map(str, beside.glob("*.config") if is_folder(beside) else ())
    there = f"The pipelines: {', '.join(names)}" if names else "Render one: odapi render --help"
    return ConfigError(what, fix=did_you_mean(config, {*names, *configs}) or there)


def unreadable(error: ConfigError, config: str) -> Finding:
    """The finding of a config that cannot be read: its error, as `check` raises it."""
    place = re.match(rf"{re.escape(config)}(?::(\d+))?(?::\d+)?: ", error.what)
    what = error.what[place.end() :] if place else error.what
    line = int(place[1]) if place and place[1] else None
    return Finding("config", "error", config, what, error.fix, line)


def _find(subject: Subject, rules: Iterable[Rule]) -> list[Finding]:
    """What the rules say; of a field with an error in it, only the first rule to find one."""
    found = [finding for rule in rules for finding in rule.find(subject)]
    wrong: dict[str, str] = {}
    for finding in found:
        if finding.severity == "error":
            wrong.setdefault(finding.place, finding.rule)
    return [finding for finding in found if not _is_said(finding, wrong)]


def _is_said(finding: Finding, wrong: Mapping[str, str]) -> bool:
    """Whether an earlier rule found the error: in the same value, or that no oneof is set."""
    place = without_oneof(finding.place)
    same = place != finding.place or is_scalar(place)
    return same and wrong.get(place, finding.rule) != finding.rule


def _with_lines(
    subject: Subject, found: list[Finding], text: str, rules: Sequence[Rule]
) -> list[Finding]:
    """The findings with their lines; without those that a comment in the text lets pass."""
    if not found and not has_comments(text):
        return found
    try:
        document = parse_syntax(text, "")
    except ConfigError:  # google.protobuf reads more spellings than the published grammar has
        return found
    places = find_places(document)
    kept, judged = apply_comments(
        found, find_comments(document, places), (rule.id for rule in rules)
    )
    lined = [replace(item, line=places.line(item.place)) for item in kept]
    return lined + _find(replace(subject, comments=judged), comments.RULES)
