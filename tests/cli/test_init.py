"""`odapi init`: a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.workspace import MARKER, find_workspace


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def test_a_folder_becomes_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is below it finds it; a second time nothing is changed."""
    folder = tmp_path / "내 연구"
    made = odapi("init", str(folder))

    assert made.exit_code == 0
    assert made.stdout == f"{folder}\n"
    below = folder / "train" / "d0"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_workspace().root == folder
    (folder / MARKER).write_text("# mine\n", "utf-8")
    again = odapi("init", str(folder))
    assert again.exit_code == 0
    assert "has been a workspace before" in again.stderr
    assert (folder / MARKER).read_text("utf-8") == "# mine\n"


def test_the_current_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even inside of another workspace."""
    odapi("init", str(tmp_path))
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)

    assert odapi("init").stdout == f"{inner}\n"
    assert (inner / MARKER).is_file()


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    """Wrong usage; the file stays."""
    file = tmp_path / "notes.txt"
    file.write_text("mine", "utf-8")
    refused = odapi("init", str(file))

    assert refused.exit_code == 2
    assert "notes.txt" in refused.stderr
    assert file.read_text("utf-8") == "mine"


def test_where_nothing_can_be_made(tmp_path: Path) -> None:
    """One sentence and a remedy."""
    refused = odapi("init", "/proc/no-place")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: /proc/no-place: cannot be written to (")
    assert "Choose another folder" in refused.stderr
