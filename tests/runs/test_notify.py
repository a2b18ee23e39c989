"""The program that is called at the end of a run: found at its start."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from odapi_runner.errors import RunError
from odapi_runner.runs.notify import settle_notify


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a program whose name has a space and Korean letters."""
    folder = tmp_path / "작업 공간"
    folder.mkdir()
    program = folder / "알림 me.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    (folder / "text").write_text("no program")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("./알림 me.sh", []),
        ("알림 me.sh", []),
        ("'./알림 me.sh'", []),
        ("'./알림 me.sh' --to 'a b'", ["--to", "a b"]),
        ("./알림\\ me.sh x", ["x"]),
    ],
)
def test_a_path_is_one_from_the_current_folder_on(here: Path, typed: str, words: list[str]) -> None:
    """As a whole, spaces included; else as words of a shell. What is found is found again."""
    settled = settle_notify(typed)

    program, *rest = shlex.split(settled)
    assert Path(program).is_absolute()
    assert Path(program).samefile(here / "알림 me.sh")
    assert rest == words
    assert settle_notify(settled) == settled


def test_a_bare_name_may_be_in_path(here: Path) -> None:
    """As in a shell; a file of that name which is no program does not stand before it."""
    (here / "true").write_text("no program")

    assert settle_notify("true -x") == f"{shutil.which('true')} -x"


@pytest.mark.parametrize(
    ("typed", "what", "fix"),
    [
        ("./nothere", 'there is no program "./nothere" in ', "Give its path"),
        ("./알림 you.sh", 'there is no program "./알림 you.sh" in ', "Give its path"),
        ("it's", 'there is no program "it\'s" in ', "Give its path"),
        ("", 'there is no program "" in ', "Give its path"),
        (".", 'there is no program "." in ', "Give its path"),
        ("./text --to me", "./text is not executable", "chmod +x ./text"),
    ],
)
def test_what_cannot_be_called_is_refused(here: Path, typed: str, what: str, fix: str) -> None:
    """At the start of a run, not at its end, when nobody looks."""
    with pytest.raises(RunError) as refused:
        settle_notify(typed)

    assert refused.value.what.startswith(f"--notify: {what}")
    assert refused.value.fix.startswith(fix)
