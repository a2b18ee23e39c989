"""TFRecord framing, index and patterns."""

from __future__ import annotations

import struct
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odapi_runner.errors import DataError
from odapi_runner.formats.crc32c import masked_crc32c
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import (
    RecordWriter,
    index_records,
    open_records,
    read_record,
    read_records,
)

FRAME = 16  # bytes around a payload: 8 length, 4 its checksum, 4 the payload's


def write(path: Path, payloads: list[bytes]) -> Path:
    with RecordWriter(path) as writer:
        for payload in payloads:
            writer.write(payload)
    return path


def test_bytes_on_disk(tmp_path: Path) -> None:
    """One record is framed as TensorFlow frames it."""
    path = write(tmp_path / "a.record", [b"odapi"])

    # CRC-32C of "123456789" is the standard's check value 0xE3069283; the mask rotates right by
    # 15 and adds 0xA282EAD8: 0xE3069283 -> 0x2507C60D -> 0xC78AB0E5.
    assert google_crc32c.value(b"123456789") == 0xE3069283
    assert write(tmp_path / "b.record", [b"123456789"]).read_bytes()[-4:] == struct.pack(
        "<I", 0xC78AB0E5
    )
    content = path.read_bytes()
    assert content[:8] == b"\x05\0\0\0\0\0\0\0"
    assert content[12:17] == b"odapi"
    assert len(content) == FRAME + 5


@given(payloads=st.lists(st.binary(max_size=200), max_size=8))
def test_round_trip(payloads: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is written is read, by order and by place."""
    path = write(tmp_path_factory.mktemp("records") / "a.record", payloads)
    index = index_records(path)

    assert list(read_records(path)) == payloads
    assert [read_record(index, number) for number in range(len(index))] == payloads
    assert index.lengths.tolist() == [len(payload) for payload in payloads]


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), data=st.data()
)
def test_cut_short(
    payloads: list[bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file cut anywhere but between records is refused, by index and by reading."""
    path = write(tmp_path_factory.mktemp("records") / "a.record", payloads)
    whole = path.read_bytes()
    ends = [0]
    for payload in payloads:
        ends.append(ends[-1] + FRAME + len(payload))
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda place: place not in ends))
    path.write_bytes(whole[:cut])

    with pytest.raises(DataError, match="the file ends within a record"):
        index_records(path)
    with pytest.raises(DataError, match="the file ends within a record"):
        list(read_records(path))


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), data=st.data()
)
def test_one_flipped_bit(
    payloads: list[bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A single wrong bit anywhere is found by reading."""
    path = write(tmp_path_factory.mktemp("records") / "a.record", payloads)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)

    with pytest.raises(DataError):
        list(read_records(path))


def test_index_finds_damaged_lengths_only(tmp_path: Path) -> None:
    """The index never reads payloads: damage there is found when the record is read."""
    path = write(tmp_path / "a.record", [b"first", b"second"])
    content = bytearray(path.read_bytes())
    content[12] ^= 1
    path.write_bytes(content)
    index = index_records(path)

    assert index.offsets.tolist() == [12, 12 + 5 + FRAME]
    assert read_record(index, 1) == b"second"
    with pytest.raises(DataError) as caught:
        read_record(index, 0)
    assert caught.value.what == f"{path}: a record is damaged (byte 12)"


def test_damaged_length_is_named_by_place(tmp_path: Path) -> None:
    """The second record's length starts behind the first record."""
    path = write(tmp_path / "a.record", [b"first", b"second"])
    content = bytearray(path.read_bytes())
    content[FRAME + 5] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError) as caught:
        index_records(path)
    assert caught.value.what == f"{path}: the length of a record is damaged (byte 21)"


def test_not_a_record_file(tmp_path: Path) -> None:
    """A text, a folder and an absent file are each said to be what they are."""
    text = tmp_path / "a.txt"
    text.write_text("a text that is long enough for a header", encoding="utf-8")

    for path, reason in (
        (text, "not a TFRecord file (byte 0)"),
        (tmp_path, "Is a directory"),
        (tmp_path / "absent", "No such file or directory"),
    ):
        with pytest.raises(DataError) as by_index:
            index_records(path)
        with pytest.raises(DataError) as by_reading:
            list(read_records(path))
        assert by_index.value.what == by_reading.value.what == f"{path}: {reason}"


def test_empty_file_holds_no_records(tmp_path: Path) -> None:
    """An empty shard is a valid one."""
    path = write(tmp_path / "a.record", [])

    assert len(index_records(path)) == 0
    assert list(read_records(path)) == []


def test_patterns(tmp_path: Path) -> None:
    """Patterns keep their order, matches are sorted, and stay within one folder."""
    names = ["train-00001-of-00002.record", "train-00000-of-00002.record", ".hidden.record"]
    (tmp_path / "데이터[1]" / "deep").mkdir(parents=True)
    for name in [*names, "deep/val.record"]:
        (tmp_path / "데이터[1]" / name).touch()
    root = tmp_path / "데이터[1]"

    assert expand_patterns(["deep/val.record", "train-?????-of-00002.record"], root) == [
        root / "deep/val.record",
        root / "train-00000-of-00002.record",
        root / "train-00001-of-00002.record",
    ]
    assert [path.name for path in expand_patterns(["*.record"], root)] == sorted(names)
    assert expand_patterns([str(tmp_path / "데이터?1?" / "deep" / "*")], Path("/elsewhere")) == [
        root / "deep/val.record"
    ]


def test_pattern_without_a_match(tmp_path: Path) -> None:
    """A pattern that matches nothing is an error that knows the nearest name."""
    (tmp_path / "train-00000-of-00001.record").touch()

    with pytest.raises(DataError) as caught:
        expand_patterns(["train-00000-of-00002.record"], tmp_path)
    assert caught.value.what == "train-00000-of-00002.record: no file of that name"
    assert caught.value.fix == 'Did you mean "train-00000-of-00001.record"?'


@pytest.mark.tf
def test_tensorflow_agrees(tmp_path: Path) -> None:
    """TensorFlow reads what we write, and we read what it writes."""
    import tensorflow as tf

    payloads = [b"", b"one", bytes(range(256)) * 300]
    ours = write(tmp_path / "ours.record", payloads)
    theirs = tmp_path / "theirs.record"
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for payload in payloads:
            writer.write(payload)

    assert ours.read_bytes() == theirs.read_bytes()
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(ours))] == payloads


def test_one_damaged_record_does_not_hide_the_next(tmp_path: Path) -> None:
    """The file is opened once, and each record is read by its place."""
    path = write(tmp_path / "a.record", [b"first", b"second", b"third"])
    content = bytearray(path.read_bytes())
    content[content.index(b"second")] ^= 1
    path.write_bytes(content)

    with open_records(index_records(path)) as read:
        assert read(2) == b"third"
        with pytest.raises(DataError, match=r"a record is damaged \(byte 33\)"):
            read(1)
        assert read(0) == b"first"


def test_a_length_beyond_the_file_is_not_asked_of_memory(tmp_path: Path) -> None:
    """Its checksum is right, so somebody wrote it so: the file ends within that record."""
    path = tmp_path / "a.record"
    length = struct.pack("<Q", 2**62)
    path.write_bytes(length + struct.pack("<I", masked_crc32c(length)) + b"rest")

    for read in (lambda: list(read_records(path)), lambda: index_records(path)):
        with pytest.raises(DataError, match=r"ends within a record \(byte 12\)"):
            read()
