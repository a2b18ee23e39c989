"""LevelDB tables, the container of a checkpoint's index."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.leveldb import read_table, read_varint
from support.checkpoints import block, table, varint

PAIRS = [(f"model/layer-{n:03d}/kernel".encode(), bytes([n])) for n in range(250)]


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "ckpt-1.index"
    path.write_bytes(content)
    return path


def what_is_wrong(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_table(path)
    assert caught.value.what.startswith(f"{path}: ")
    return caught.value.what.removeprefix(f"{path}: ")


@pytest.mark.parametrize("entries", [1, 16, 17, 1000])
def test_what_is_written_is_read(tmp_path: Path, entries: int) -> None:
    """Keys come back whole, whatever they shared, over any number of blocks."""
    assert read_table(write(tmp_path, table(PAIRS, entries))) == PAIRS


def test_a_table_may_be_empty(tmp_path: Path) -> None:
    """No data block: nothing in it."""
    assert read_table(write(tmp_path, table([]))) == []


def test_varints() -> None:
    """Seven bits a byte, the lowest first; 64 bits are the most."""
    assert read_varint(b"\x05", 0) == (5, 1)
    assert read_varint(b"..\xac\x02", 2) == (300, 4)
    assert read_varint(varint(2**64 - 1), 0) == (2**64 - 1, 10)
    for cut in (b"", b"\x80", b"\xff" * 10, b"\xff" * 9 + b"\x7f"):
        with pytest.raises(ValueError, match="no varint"):
            read_varint(cut, 0)


def test_damage_is_named(tmp_path: Path) -> None:
    """What is no table, cut short or changed is told apart."""
    whole = table(PAIRS)
    changed = bytearray(whole)
    changed[100] ^= 1

    assert what_is_wrong(tmp_path / "absent.index") == "cannot be read (No such file or directory)"
    assert what_is_wrong(tmp_path) == "cannot be read (Is a directory)"
    for content, what in [
        (b"", "not the index of a checkpoint, or cut short"),
        (b"model { ssd { } }" * 10, "not the index of a checkpoint, or cut short"),
        (whole[:-1], "not the index of a checkpoint, or cut short"),
        (bytes(changed), "a block is damaged (byte 0)"),
        (whole[1:], "a block reaches beyond its end (byte 3384)"),
    ]:
        assert what_is_wrong(write(tmp_path, content)) == what


def footer(offset: int, size: int) -> bytes:
    handles = varint(0) + varint(0) + varint(offset) + varint(size)
    return handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (block([(b"b", b""), (b"a", b"")]), "its keys are not in order"),
        (block([(b"a" * 20_000, b"")]), "an entry reaches beyond its block"),
    ],
)
def test_what_has_a_right_checksum_is_checked_all_the_same(
    tmp_path: Path, data: bytes, what: str
) -> None:
    """Order and sizes are facts of the format, whoever wrote the file."""
    index = block([(b"z", varint(0) + varint(len(data) - 5))])

    path = write(tmp_path, data + index + footer(len(data), len(index) - 5))

    assert what_is_wrong(path) == what


def test_blocks_neither_overlap_nor_lie_outside(tmp_path: Path) -> None:
    """A small file cannot be a large table, and no place is looked at that is not there."""
    data = block([(b"a", b"1")])
    handle = varint(0) + varint(len(data) - 5)
    twice = block([(b"a", handle), (b"b", handle)])
    outside = block([(b"a", varint(1 << 40) + varint(8))])

    for index, what in [
        (twice, "its blocks overlap (byte 0)"),
        (outside, "a block reaches beyond its end (byte 1099511627776)"),
    ]:
        path = write(tmp_path, data + index + footer(len(data), len(index) - 5))
        assert what_is_wrong(path) == what


def test_a_file_that_is_written_anew_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As google/automl does to its newest index: it is empty once its end has been read."""

    class Emptied(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.truncate(0)
            return data

    path, content = write(tmp_path, table(PAIRS)), table(PAIRS)
    monkeypatch.setattr(Path, "open", lambda *_: Emptied(content))

    assert what_is_wrong(path) == "cut short, or written anew, while it was read"


def test_compressed_blocks_are_refused(tmp_path: Path) -> None:
    """TensorFlow writes none into an index."""
    from odapi_runner.formats.crc32c import masked_crc32c

    content = block([])[:-5] + b"\x01"
    index = content + struct.pack("<I", masked_crc32c(content))

    path = write(tmp_path, index + footer(0, len(index) - 5))

    assert what_is_wrong(path) == "compressed, which no checkpoint's index is"


@settings(deadline=None, max_examples=50)
@given(content=st.binary(max_size=80), end=st.booleans())
def test_any_bytes_are_read_or_refused(
    content: bytes, end: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing but CheckpointError, whatever lies in the file."""
    path = tmp_path_factory.getbasetemp() / "any.index"
    path.write_bytes(content + (footer(0, len(content)) if end else b""))

    with pytest.raises(CheckpointError):
        read_table(path)
