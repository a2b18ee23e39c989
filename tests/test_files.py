"""What is looked for on the disk, and what is written there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from odapi_runner.files import exists, is_file, is_folder, write_atomic


def test_what_there_is(tmp_path: Path) -> None:
    """A file is no folder; a link that leads nowhere is neither."""
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to(tmp_path / "absent")

    assert [exists(tmp_path), is_file(tmp_path), is_folder(tmp_path)] == [True, False, True]
    assert [look(tmp_path / "a") for look in (exists, is_file, is_folder)] == [True, True, False]
    assert not any(look(tmp_path / "b") for look in (exists, is_file, is_folder))


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "a\0b", "\udcff"])
def test_a_name_that_no_file_can_have_is_none(tmp_path: Path, name: str) -> None:
    """Neither there nor an exception."""
    assert not any(look(tmp_path / name) for look in (exists, is_file, is_folder))


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    """As `--html /dev/stdout` is, which root could otherwise rename away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text, "utf-8")
        write_atomic(pipe, "보고서\n")
        assert read.result(timeout=10) == "보고서\n"

    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_folder_is_not_written_to(tmp_path: Path) -> None:
    """It is the caller's to say so."""
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path, "x")
