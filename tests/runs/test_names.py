"""Run names: choosing, refusing, finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import RunError
from odapi_runner.runs.names import check_name, find_run, list_runs, make_run_folder
from odapi_runner.workspace import Workspace


def make(workspace: Workspace, name: str) -> None:
    """A run as far as names are concerned."""
    made = make_run_folder(name, workspace)
    made.run_json.write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("name", ["kitti-d0", "신호등 d0", "a.b", "D0_2", "가" * 66])
def test_a_plain_folder_name_is_a_name(name: str, tmp_path: Path) -> None:
    """Korean letters, spaces and dots inside are fine; 66 of three bytes each are 198."""
    make_run_folder(name, Workspace(tmp_path))

    assert (tmp_path / "train" / name).is_dir()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "-x", " x", "x\n", "a\0b", "가" * 67],
)
def test_what_leaves_the_workspace_is_no_name(name: str) -> None:
    """Nor is what looks like an option, a hidden file, or two lines."""
    with pytest.raises(RunError, match="not a name for a run"):
        check_name(name)


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    """NAME, NAME-2, NAME-3; never a folder that is there already, whatever it holds."""
    workspace = Workspace(tmp_path)
    (tmp_path / "train" / "d0-2").mkdir(parents=True)

    names = [make_run_folder("d0", workspace).name for _ in range(3)]

    assert names == ["d0", "d0-3", "d0-4"]


def test_a_name_asked_for_is_not_changed(tmp_path: Path) -> None:
    """`--run NAME` of a run that exists is refused."""
    workspace = Workspace(tmp_path)
    make_run_folder("d0", workspace)

    with pytest.raises(RunError, match="d0: there is a run of this name already"):
        make_run_folder("d0", workspace, exactly=True)


def test_a_run_is_found_by_name_and_by_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`d0`, `train/d0`, `train/d0/` as a shell completes it, an absolute path, and from inside."""
    workspace = Workspace(tmp_path)
    make(workspace, "d0")
    root = (tmp_path / "train" / "d0").resolve()

    for name in ("d0", "train/d0", "train/d0/", str(root)):
        assert find_run(name, workspace).root == root
    monkeypatch.chdir(root)
    assert find_run(".", workspace).root == root
    assert [run.name for run in list_runs(workspace)] == ["d0"]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("kitti-d1", 'Did you mean "kitti-d0"?'),
        ("zzz", "There are: kitti-d0, 신호등"),
        ("", "There are: kitti-d0, 신호등"),
    ],
)
def test_an_unknown_run_names_the_nearest(name: str, fix: str, tmp_path: Path) -> None:
    """What happened, then what to do."""
    workspace = Workspace(tmp_path)
    make(workspace, "kitti-d0")
    make(workspace, "신호등")

    with pytest.raises(RunError) as caught:
        find_run(name, workspace)

    assert caught.value.what == f'"{name}": no such run in {tmp_path / "train"}'
    assert caught.value.fix == fix


def test_without_runs_the_fix_is_to_start_one(tmp_path: Path) -> None:
    """An empty workspace has nothing to list."""
    Workspace(tmp_path).mark()
    with pytest.raises(RunError) as caught:
        find_run("d0", Workspace(tmp_path))

    assert caught.value.fix == "Start one: odapi train NAME"


def test_a_folder_that_is_no_workspace_is_named(tmp_path: Path) -> None:
    """Whoever stands in the wrong folder starts no run there; beside runs nothing is said."""
    with pytest.raises(RunError) as caught:
        find_run("d0", Workspace(tmp_path))

    assert caught.value.what.endswith(f"; {tmp_path} is no workspace: there is no odapi.toml")
    assert caught.value.fix == "Change into your workspace (cd), or name it: -w DIR"

    make(Workspace(tmp_path), "kitti-d0")
    with pytest.raises(RunError) as caught:
        find_run("zzz", Workspace(tmp_path))
    assert caught.value.fix == "There are: kitti-d0"
