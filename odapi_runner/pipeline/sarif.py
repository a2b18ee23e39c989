"""Findings as SARIF 2.1.0, which code hosts and editors read.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from odapi_runner import __version__
from odapi_runner.pipeline.explain import summary
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "hint": "note"}


def render_sarif(found: Mapping[str, Sequence[Finding]], rules: Sequence[Rule]) -> str:
    """The findings of some configs, by file, as one run of a tool that knows these rules."""
    places = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "odapi",
        "version": __version__,
        "rules": [_describe(rule) for rule in rules],
    }
    results = [
        _result(config, item, places[item.rule])
        for config, items in found.items()
        for item in items
    ]
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _describe(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": summary(rule)},
        "help": {"text": rule.api},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(config: str, finding: Finding, rule: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(config)}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.place}: {finding.what}\n{finding.fix}"},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"fullyQualifiedName": finding.place}],
            }
        ],
    }


def _uri(config: str) -> str:
    path = Path(config)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path))
