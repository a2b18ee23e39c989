"""Findings as SARIF: what the standard requires of each part."""

from __future__ import annotations

import json
from pathlib import Path

from odapi_runner.backends.check import all_rules
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.sarif import render_sarif

FOUND = {
    "설정 1.config": [
        Finding(
            "num-classes", "error", "model.ssd.num_classes", "4 classes", "-s num_classes=3", 5
        ),
        Finding("no-effect", "hint", "eval_config.max_evals", "none", "-d eval_config.max_evals"),
    ],
    "/a/b.config": [Finding("base-rate", "warning", "train_config", "high", "lower it", 2)],
}


def test_a_log_has_what_the_standard_requires() -> None:
    """Version, schema, one run, its tool with all rules, and each result with its place.

    Source: SARIF 2.1.0, 3.13 (sarifLog), 3.14 (run), 3.19 (toolComponent), 3.27 (result), 3.49
    (reportingDescriptor).
    """
    log = json.loads(render_sarif(FOUND, all_rules()))

    assert log["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json"
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "odapi"
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in all_rules()]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    assert len(run["results"]) == 3
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]


def test_a_result_says_where_it_is() -> None:
    """A relative path as a URI, an absolute one with its scheme; a line where there is one."""
    results = json.loads(render_sarif(FOUND, all_rules()))["runs"][0]["results"]

    assert results[0]["level"] == "error"
    assert results[0]["message"]["text"] == "model.ssd.num_classes: 4 classes\n-s num_classes=3"
    assert results[0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "%EC%84%A4%EC%A0%95%201.config"},
                "region": {"startLine": 5},
            },
            "logicalLocations": [{"fullyQualifiedName": "model.ssd.num_classes"}],
        }
    ]
    assert results[1]["level"] == "note"
    assert "region" not in results[1]["locations"][0]["physicalLocation"]
    place = results[2]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == Path("/a/b.config").as_uri()


def test_nothing_found_is_a_log_without_results() -> None:
    """It tells a code host that earlier findings are gone."""
    assert json.loads(render_sarif({"a": []}, all_rules()))["runs"][0]["results"] == []
