"""What is found of the base workspace when something of it is changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from odapi_runner.pipeline.finding import Finding
from odapi_runner.workspace import Workspace
from support.rule_cases import Bend, Case, find, make_base

Found = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The base workspace; whoever changes files of it works on a copy."""
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def found(base: Workspace, tmp_path: Path) -> Found:
    """Look at the base, bent; `engine` and options of `check` may be given.

    The first call's copy of the workspace is `tmp_path / "0" / "copy"`.
    """
    numbers = itertools.count()

    def look(bent: Bend, *, engine: str = "builtin", **options: Any) -> list[Finding]:
        scratch = tmp_path / str(next(numbers))
        scratch.mkdir()
        case = Case(bent, bent, engine=engine, options=tuple(options.items()))
        return find(bent, case, base, scratch)

    return look
