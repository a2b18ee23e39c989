"""Changing a config that exists."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

import odapi_runner as odapi
from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.proto.differences import Difference

TEXT = """# 고양이
train_config {
  batch_size: 4  # 8 GB
  fine_tune_checkpoint: "모델/ckpt-0"
}
"""
BATCH = Changes(("train_config.batch_size=8",))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "my.config"
    path.write_text(TEXT, "utf-8")
    return path


def test_the_call_gives_text_differences_and_notes(config: Path) -> None:
    """Nothing is written."""
    optimizer = "train_config.optimizer"
    config.write_text(TEXT.replace("\n}", "\n  optimizer { adam_optimizer {} }\n}"), "utf-8")

    edited = odapi.edit(config, Changes((*BATCH.overrides, f"{optimizer}.momentum_optimizer={{}}")))

    assert edited.after.text == TEXT.replace("4", "8", 1).replace(
        "\n}", "\n  optimizer { momentum_optimizer { } }\n}"
    )
    assert edited.differences == (
        Difference("train_config.batch_size", (4, 8), (False, False)),
        Difference(
            f"{optimizer}.optimizer", ("adam_optimizer", "momentum_optimizer"), (False, False)
        ),
    )
    assert edited.notes == (f"{optimizer}: momentum_optimizer replaces adam_optimizer",)
    assert edited.backup is None
    assert [path.name for path in config.parent.iterdir()] == ["my.config"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_encoding_and_line_ends_stay(
    config: Path, mark: bytes, encoding: str, newline: str
) -> None:
    """The bytes differ in those of the number alone; without a change they are the same."""
    text = TEXT.replace("\n", newline)
    config.write_bytes(mark + text.encode(encoding))

    assert odapi.edit(config, Changes()).content == config.read_bytes()
    odapi.edit(config, BATCH, in_place=True)

    assert config.read_bytes() == mark + text.replace("4", "8", 1).encode(encoding)


def test_in_place_keeps_every_older_file(config: Path) -> None:
    """.bak, .bak-2, …; a file of the same content is not kept twice; no change writes nothing."""
    unchanged = odapi.edit(config, Changes(("train_config.batch_size=4",)), in_place=True)
    sizes = [8, 16, 4, 8]
    changes = [Changes((f"train_config.batch_size={size}",)) for size in sizes]
    backups = [odapi.edit(config, change, in_place=True).backup for change in changes]

    assert unchanged.backup is None
    names = ["my.config.bak", "my.config.bak-2", "my.config.bak-3", "my.config.bak"]
    assert backups == [config.with_name(name) for name in names]
    kept = [config.with_name(name).read_text("utf-8") for name in names[:3]]
    assert kept == [TEXT.replace("4", size, 1) for size in ("4", "8", "16")]
    assert config.read_text("utf-8") == TEXT.replace("4", "8", 1)


def test_in_place_keeps_the_mode_and_follows_a_link(config: Path, tmp_path: Path) -> None:
    """The link stays one, and the backup lies beside the file that it leads to."""
    config.chmod(0o640)
    link = tmp_path / "links" / "to.config"
    link.parent.mkdir()
    link.symlink_to(config)

    edited = odapi.edit(link, BATCH, in_place=True)

    assert link.is_symlink()
    assert "batch_size: 8" in config.read_text("utf-8")
    assert config.stat().st_mode & 0o777 == 0o640
    assert edited.backup == config.with_name("my.config.bak")
    assert edited.backup.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_written_is_said(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that takes no files: the config stays as it is."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigError) as caught:
        odapi.edit(config, BATCH, in_place=True)

    assert caught.value.what == f"{config}: cannot be written (Permission denied)"
    assert caught.value.fix == "Leave out --in-place and write the result elsewhere, with > FILE."
    assert config.read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("text", "changes", "what"),
    [
        ("train_config { batch_sise: 4 }", BATCH, 'no field "batch_sise"'),
        (TEXT, Changes(("train_config.batch_sise=4",)), 'no field "batch_sise"'),
        (TEXT, Changes(deletes=("train_config.num_steps",)), "not set"),
    ],
)
def test_a_fault_of_the_file_or_the_change_is_an_error(
    config: Path, text: str, changes: Changes, what: str
) -> None:
    """As in every other command."""
    config.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match=what):
        odapi.edit(config, changes, in_place=True)

    assert config.read_text("utf-8") == text
