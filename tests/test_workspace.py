"""Finding the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.workspace import Workspace, find_workspace


def test_the_nearest_marked_parent_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder below; without a mark it is the current folder."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_workspace().root == below

    (tmp_path / "a" / "odapi.toml").write_text("", encoding="utf-8")
    assert find_workspace().root == tmp_path / "a"


def test_what_is_asked_for_counts_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """-w before $ODAPI_WORKSPACE before the marked parent."""
    for name in ("asked", "set"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ODAPI_WORKSPACE", str(tmp_path / "set"))

    assert find_workspace("asked").root == tmp_path / "asked"
    assert find_workspace().root == tmp_path / "set"


def test_a_folder_that_is_not_there_is_for_commands_that_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever only reads has mistyped it; nothing is made yet."""
    new = tmp_path / "new"

    assert find_workspace(new, make=True).root == new
    assert not new.exists()
    with pytest.raises(OdapiError, match="no such folder") as caught:
        find_workspace(new)
    assert caught.value.fix == "Correct the folder of -w."
    monkeypatch.setenv("ODAPI_WORKSPACE", str(new))
    with pytest.raises(OdapiError) as caught:
        find_workspace()
    assert caught.value.fix == "Correct $ODAPI_WORKSPACE."


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    """Neither to read nor to make."""
    path = tmp_path / "file"
    path.write_text("", encoding="utf-8")
    for make in (False, True):
        with pytest.raises(OdapiError, match="not a folder"):
            find_workspace(path, make=make)


def test_a_name_that_no_folder_can_have_is_not_there() -> None:
    """Too long for the file system."""
    with pytest.raises(OdapiError, match="no such folder"):
        find_workspace("x" * 300)


def test_a_pipeline_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name comes first; what is neither stays as it was typed."""
    monkeypatch.chdir(tmp_path)
    place = Workspace(tmp_path)
    path = place.pipeline_config("신호등")
    path.parent.mkdir(parents=True)
    path.touch()

    assert place.find_config("신호등") == "pipelines/신호등/pipeline.config"
    assert place.find_config("other") == "other"
    assert place.find_config("a/신호등") == "a/신호등"
    (tmp_path / "신호등").touch()
    assert place.find_config("신호등") == "신호등"
