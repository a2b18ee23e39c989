"""Every rule of check has a config that fails it alone, and one that hardly differs and is fine."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from odapi_runner.backends.check import all_rules
from odapi_runner.pipeline.finding import Finding
from odapi_runner.pipeline.rules.rule import Rule
from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, find, make_base

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
CASES: dict[str, Case] = {}
for name in MODULES:
    if name != Path(__file__).stem:
        CASES |= getattr(importlib.import_module(f"pipeline.rules.{name}"), "CASES", {})

RULES = all_rules()
BY_ID = {rule.id: rule for rule in RULES}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The base workspace of all cases; a case that changes files works on a copy."""
    return make_base(tmp_path_factory.mktemp("base"))


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    """An id is one rule; none is without a case."""
    assert len(BY_ID) == len(RULES)
    assert sorted(set(BY_ID) - set(CASES)) == []
    assert sorted(set(CASES) - set(BY_ID)) == []


@pytest.mark.parametrize("engine", ["builtin", "tf-models"])
def test_the_base_is_without_fault(base: Workspace, tmp_path: Path, engine: str) -> None:
    """Whatever a case finds is its own doing."""
    assert find(Bend(), Case(Bend(), Bend(), engine), base, tmp_path) == []


def told(bent: Bend, case: Case, rule: str, base: Workspace, scratch: Path) -> list[Finding]:
    """What is found, but that the engine lacks something: that is not what a case is about."""
    found = find(bent, case, base, scratch)
    return [item for item in found if item.rule != "engine" or rule == "engine"]


@pytest.mark.parametrize(("rule", "case"), CASES.items(), ids=CASES)
def test_a_case_fails_its_rule_alone(
    base: Workspace, tmp_path: Path, rule: str, case: Case
) -> None:
    """One mistake, one rule; each finding has what, where and a remedy."""
    findings = told(case.fails, case, rule, base, tmp_path)

    assert {finding.rule for finding in findings} == {rule}, findings
    assert {finding.severity for finding in findings} == {BY_ID[rule].severity}
    assert all(finding.place and finding.what and finding.fix for finding in findings)


@pytest.mark.parametrize(("rule", "case"), CASES.items(), ids=CASES)
def test_the_near_miss_passes(base: Workspace, tmp_path: Path, rule: str, case: Case) -> None:
    """A rule does not speak of what is right, and no other one does."""
    assert told(case.passes, case, rule, base, tmp_path) == []


@pytest.mark.parametrize("rule", RULES, ids=BY_ID)
def test_every_rule_has_a_page(rule: Rule) -> None:
    """What it looks for, and what the Object Detection API does with it."""
    assert rule.find.__doc__
    assert rule.api.endswith((".", ")."))
