"""Who came from whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from odapi_runner.rundir import RunDir
from odapi_runner.runs.lineage import Branch, read_lineage

from .conftest import build_spec

MakeFamily = Callable[[Mapping[str, str | None]], list[RunDir]]

FAMILY = {
    "a": None,
    "a-2": "a",
    "a-3": "a",
    "b": "a-2",
    "c": "b",
    "하나": None,
    "둘": "gone",
}


@pytest.fixture
def make_family(tmp_path: Path) -> MakeFamily:
    """Runs by the names of their parents."""

    def make(parents: Mapping[str, str | None]) -> list[RunDir]:
        runs = [RunDir(tmp_path / name) for name in sorted(parents)]
        for run in runs:
            run.root.mkdir()
            spec = build_spec(run.name)
            parent = parents[run.name]
            step = None if parent is None else 400
            dataclasses.replace(spec, parent=parent, parent_step=step).dump(run)
        return runs

    return make


def shown(branches: Sequence[Branch]) -> list[str]:
    return [f"{branch.mark}{branch.run.name}" for branch in branches]


def test_each_stands_below_the_one_it_came_from(
    make_family: MakeFamily,
) -> None:
    """A run whose parent is gone stands at the top, and still says where it came from."""
    branches = read_lineage(make_family(FAMILY))

    assert shown(branches) == [
        "a",
        "├─ a-2",
        "│  └─ b",
        "│     └─ c",
        "└─ a-3",
        "둘",
        "하나",
    ]
    assert {branch.run.name: branch.origin for branch in branches} == {
        "a": None,
        "a-2": "a at 400",
        "b": "a-2 at 400",
        "c": "b at 400",
        "a-3": "a at 400",
        "둘": "gone at 400",
        "하나": None,
    }


def test_one_is_shown_with_its_family(
    make_family: MakeFamily,
) -> None:
    """What it came from, and what came of it and of its relatives."""
    runs = make_family(FAMILY)

    branches = read_lineage(runs, [run for run in runs if run.name == "b"])
    assert shown(branches)[0] == "a"
    assert len(branches) == 5


def test_a_circle_has_an_end(
    make_family: MakeFamily,
) -> None:
    """Only somebody who edits run.json makes one; every run is shown once all the same."""
    branches = read_lineage(make_family({"a": "c", "b": "a", "c": "b", "d": "c"}))

    assert shown(branches) == ["a", "└─ b", "   └─ c", "      └─ d"]
