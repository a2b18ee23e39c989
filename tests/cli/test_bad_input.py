"""Files that are no configs, in other encodings, or under odd names: a sentence, never a traceback.

Each runs in a process of its own, with an output that takes UTF-8 only: as on a terminal.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = "model { ssd { num_classes: 3 } } # 세 개\r\n"
HINT = "a checkpoint, a record or a log is not a config."


def odapi(folder: Path, *words: str | bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "odapi_runner", *words],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("content", "what", "fix"),
    [
        (
            CONFIG.encode("cp949"),
            "not UTF-8 (byte 35), it looks like CP949",
            "Convert it: iconv -f CP949 -t UTF-8 a.config > utf8-a.config",
        ),
        (
            b"# x\n" * 5_000_000,  # 20 MB
            "larger than 4 MB, which no config or label map is",
            f"Check the path: {HINT}",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "not a text in UTF-8 (byte 0)",
            "Save it as UTF-8; a checkpoint, a record or a picture is not a config.",
        ),
    ],
    ids=["CP949", "20 MB", "picture"],
)
def test_what_is_no_config_is_refused_at_once(
    tmp_path: Path, content: bytes, what: str, fix: str
) -> None:
    """The same sentence and remedy whoever reads it, in about a second."""
    (tmp_path / "a.config").write_bytes(content)
    start = time.perf_counter()

    for words in (["edit", "a.config", "-d", "model"], ["diff", "a.config", "a.config"]):
        done = odapi(tmp_path, *words)
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode() == f"Error: a.config: {what}\n  {fix}\n"
    done = odapi(tmp_path, "check", "a.config")
    assert done.returncode == 1
    assert f"a.config: error config: {what}\n  {fix}\n" in done.stdout.decode()

    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_config_of_a_windows_editor_keeps_its_encoding(tmp_path: Path, encoding: str) -> None:
    """It is read as any other, and an edit writes it as it was."""
    (tmp_path / "a.config").write_bytes(CONFIG.encode(encoding))

    done = odapi(tmp_path, "edit", "a.config", "-s", "model.ssd.num_classes=4", "--in-place")

    assert done.returncode == 0, done.stderr
    changed = CONFIG.replace("num_classes: 3", "num_classes: 4")
    assert (tmp_path / "a.config").read_bytes() == changed.encode(encoding)


@pytest.mark.parametrize("output", ["table", "json", "csv", "markdown", "sarif", "github"])
def test_a_name_that_is_no_utf_8_is_printed(tmp_path: Path, output: str) -> None:
    """As archives made on a Korean Windows unpack elsewhere."""
    name = "설정.config".encode("cp949")
    (tmp_path / os.fsdecode(name)).write_bytes(CONFIG.encode())

    done = odapi(tmp_path, "check", name, "--format", output)

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    if output not in {"sarif", "github"}:
        assert name in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["check", "x" * 300],
        ["check", b"\xff"],
        ["edit", "x" * 300],
        ["diff", "x" * 300, "a"],
        ["diff", "a/" * 3000, "a"],
        ["train", "x" * 300],
        ["train", "--config", "x" * 300],
        ["render", "--preset", "x" * 300],
        ["render", "--preset", "kitti-d0", "--patch", "x" * 300 + ":3"],
        ["render", "--preset", "kitti-d0", "-s", b"fine_tune_checkpoint=\xff"],
        ["presets", "x" * 300],
        ["compare", "x" * 300],
        ["report", "x" * 300],
        ["parse", "x" * 300],
        ["status", "x" * 300],
        ["data", "inspect", "x" * 300],
        ["data", "convert", "kitti", "x" * 300, "--out", "out"],
        ["-w", "x" * 300, "status"],
    ],
    ids=lambda words: " ".join(map(str, words))[:30],
)
def test_a_name_that_no_file_can_have(tmp_path: Path, words: list[str | bytes]) -> None:
    """Too long, or no text: refused as a name that is not there."""
    done = odapi(tmp_path, *words)

    assert done.returncode in {1, 2}, done.stderr
    assert b"Traceback" not in done.stderr


def test_an_output_without_room_is_two_lines(tmp_path: Path) -> None:
    """As `odapi edit … > new.config` meets it on a full disk."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "odapi_runner", "presets"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (
        "Error: the output cannot be written: no space left on the device\n"
        "  Free some space, or write it elsewhere.\n"
    )
