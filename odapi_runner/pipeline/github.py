"""Findings as GitHub's workflow commands, which mark lines of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from odapi_runner.pipeline.finding import Finding

_LEVELS = {"error": "error", "warning": "warning", "hint": "notice"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def render_github(found: Mapping[str, Sequence[Finding]]) -> str:
    """One command a finding: `::error file=…,line=…,title=…::message`."""
    return "".join(_command(config, item) for config, items in found.items() for item in items)


def _command(config: str, finding: Finding) -> str:
    properties = {"file": config, "line": finding.line, "title": f"odapi {finding.rule}"}
    told = ",".join(
        f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in properties.items() if value
    )
    message = f"{finding.place}: {finding.what}\n{finding.fix}"
    return f"::{_LEVELS[finding.severity]} {told}::{_escaped(message, _DATA)}\n"


def _escaped(text: str, signs: Mapping[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in text)
