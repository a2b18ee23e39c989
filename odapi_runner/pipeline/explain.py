"""The page of a rule: `odapi check --explain ID`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.pipeline.rules.rule import Rule

_WIDTH = 88
_ENGINES = {
    "any": "any",
    "builtin": "builtin; silent with --engine tf-models",
    "automl": "automl; silent without --engine automl",
    "tf-models": "tf-models; silent without --engine tf-models",
}
_MEANINGS = {
    "error": "error: no training starts with it",
    "warning": "warning: training starts, and may not do what is meant",
    "hint": "hint: worth knowing, nothing is wrong",
}


def summary(rule: Rule) -> str:
    """What the rule looks for, in one sentence."""
    return _paragraphs(rule)[0]


def find_rule(id_: str, rules: Sequence[Rule]) -> Rule:
    """The rule of an id.

    Raises:
        ConfigError: there is none.
    """
    for rule in rules:
        if rule.id == id_:
            return rule
    near = did_you_mean(id_, [rule.id for rule in rules])
    raise ConfigError(
        f'there is no rule "{id_}"', fix=near or "The rules: odapi check --explain list"
    )


def render_page(rule: Rule) -> str:
    """What a rule looks for and why, what the Object Detection API does, and an example."""
    parts = [f"{rule.id}: {_filled(summary(rule), len(rule.id) + 2)}"]
    parts += [_filled(paragraph) for paragraph in _paragraphs(rule)[1:]]
    parts.append(f"The Object Detection API:\n{textwrap.indent(_filled(rule.api), '  ')}")
    if rule.fails:
        parts.append(f"Fails:\n{textwrap.indent(rule.fails, '  ')}")
        parts.append(f"Passes:\n{textwrap.indent(rule.passes, '  ')}")
    facts = [
        f"Severity  {_MEANINGS[rule.severity]}",
        f"Engine    {_ENGINES[rule.engine]}",
        f"Ignore    # odapi: ignore={rule.id}",
        "          behind the field, above it, or before the first field of the file",
    ]
    return "\n\n".join([*parts, "\n".join(facts)]) + "\n"


def _paragraphs(rule: Rule) -> list[str]:
    text = inspect.getdoc(rule.find) or ""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _filled(text: str, indent: int = 0) -> str:
    return textwrap.fill(" " * indent + text, _WIDTH)[indent:]
