"""The interpreter of an engine that is a program of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from odapi_runner.backends import refuse_others
from odapi_runner.backends.interpreter import interpreter, settle_python
from odapi_runner.errors import RunError
from odapi_runner.runs.options import RunOptions


def test_without_the_option_it_is_our_own() -> None:
    """What is installed beside odapi needs no word."""
    assert interpreter(settle_python(RunOptions())) == sys.executable


def test_a_path_is_kept_as_an_absolute_one_through_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venv's python is a link: followed, it would be another environment's."""
    folder = tmp_path / "내 환경" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)

    settled = settle_python(RunOptions(python="내 환경/bin/python"))

    assert settled.python == str(folder / "python")
    assert interpreter(settled) == str(folder / "python")


def test_an_environment_is_no_program(tmp_path: Path) -> None:
    """Whoever names the environment is told which file in it is meant."""
    inside = tmp_path / "bin" / "python"
    inside.parent.mkdir()
    inside.symlink_to(sys.executable)

    with pytest.raises(RunError) as raised:
        settle_python(RunOptions(python=str(tmp_path)))

    assert raised.value.what == f"--python {tmp_path}: there is no such program"
    assert raised.value.fix == f"Did you mean {inside}?"


def test_the_builtin_engine_has_no_other_interpreter() -> None:
    """It is a part of odapi."""
    with pytest.raises(RunError, match=r"^the engine builtin has no --python"):
        refuse_others(RunOptions(python="python3"), "builtin")
