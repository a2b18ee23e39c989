"""One look at many records, whatever is in them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.formats.crc32c import masked_crc32c
from odapi_runner.formats.example import encode_example
from odapi_runner.formats.features import build_message
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.records import survey as module
from odapi_runner.records.found import KINDS, SAMPLED_BOXES, RecordPlace, Survey
from odapi_runner.records.survey import survey_records
from support.examples import annotated, encoded, write_records

WHOLE = (0.0, 0.0, 1.0, 1.0)


def write_many(path: Path, count: int, boxes: int = 3, first: int = 0) -> Path:
    """Records with random boxes, ids from `first` on."""
    generator = np.random.default_rng(first)
    examples = []
    for number in range(first, first + count):
        corners = np.sort(generator.random((boxes, 2, 2)), axis=1).reshape(boxes, 4)
        examples.append(annotated(str(number), corners.tolist(), ["Car"] * boxes))
    return write_records(path, examples)


def told(survey: Survey) -> dict[str, Any]:
    """Everything that a survey tells, to be compared."""
    values = {name: getattr(survey, name) for name in survey.__slots__}
    sample = values.pop("sample")
    order = np.argsort(sample.hashes)
    values["sample"] = (sample.hashes[order], sample.boxes_yxyx_norm[order])
    return {
        name: [np.asarray(part).tolist() for part in value]
        if isinstance(value, tuple) and name == "sample"
        else value.tolist()
        if isinstance(value, np.ndarray)
        else value
        for name, value in values.items()
    }


def test_it_is_the_same_however_the_work_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread or four, one record at a time or all: the same counts, places and boxes."""
    paths = [write_many(tmp_path / f"{n}.record", 40, 20, 40 * n) for n in range(3)]
    whole = told(survey_records(paths, every_record=True))

    for threads, records in ((1, 1), (4, 7)):
        monkeypatch.setattr(module, "count_cores", lambda threads=threads: threads)
        monkeypatch.setattr(module, "_CHUNK_RECORDS", records)
        assert told(survey_records(paths, every_record=True)) == whole

    assert whole["looked_at"] == 120
    assert whole["records"] == (40, 40, 40)
    assert len(whole["sample"][0]) == SAMPLED_BOXES  # of 2400 boxes


def test_a_sample_is_spread_over_files_and_within_them(tmp_path: Path) -> None:
    """200 of 1000 records: in proportion to the files, from the first to the last of each."""
    paths = [
        write_many(tmp_path / "large.record", 800, 1),
        write_many(tmp_path / "middle.record", 199, 1, 800),
        write_many(tmp_path / "small.record", 1, 1, 999),
    ]

    survey = survey_records(paths)

    assert (survey.total, survey.looked_at) == (1000, 200)
    assert np.bincount(survey.file).tolist() == [160, 39, 1]
    of_large = survey.record[survey.file == 0]
    assert (of_large[0], of_large[-1]) == (0, 799)
    assert set(np.diff(of_large).tolist()) == {5, 6}  # 799 / 159 is 5.03


def test_of_many_files_some_are_looked_into(tmp_path: Path) -> None:
    """Of 401 files of one record every third; each is indexed."""
    paths = [write_many(tmp_path / f"{n:03d}.record", 1, 1, n) for n in range(401)]

    survey = survey_records(paths)

    assert (survey.total, survey.looked_at) == (401, 134)
    assert set(np.diff(survey.file).tolist()) == {3}


def test_files_that_cannot_be_read_do_not_hide_the_others(tmp_path: Path) -> None:
    """A text, a file that ends too early, one that is absent; the fourth is counted."""
    good = write_many(tmp_path / "good.record", 4)
    text, short = tmp_path / "text.record", tmp_path / "short.record"
    text.write_text("Car 0.00 0 -1.57 599 156", encoding="utf-8")
    short.write_bytes(good.read_bytes()[:-1])

    survey = survey_records([text, short, good, tmp_path / "absent.record"])

    assert (survey.files, survey.total) == ((good,), 4)
    assert [error.what.replace(f"{tmp_path}/", "") for error in survey.unreadable] == [
        "text.record: not a TFRecord file (byte 0)",
        f"short.record: the file ends within a record (byte {last_payload(good)})",
        "absent.record: No such file or directory",
    ]


def last_payload(path: Path) -> int:
    """Where the last record's payload begins."""
    content, start = path.read_bytes(), 0
    while True:
        length = struct.unpack("<Q", content[start : start + 8])[0]
        if start + length + 16 == len(content):
            return start + 12
        start += length + 16


def test_no_file_and_no_record(tmp_path: Path) -> None:
    """Nothing was looked at, and nothing is wrong."""
    (tmp_path / "empty.record").touch()

    for paths in ([], [tmp_path / "empty.record"]):
        survey = survey_records(paths)
        assert (survey.total, survey.looked_at, survey.boxes, survey.faults) == (0, 0, 0, {})
        assert survey.mean_record_bytes == 0
        assert len(survey.find_repeats()) == 0


def test_repeats_and_common_images(tmp_path: Path) -> None:
    """Ids are compared within a survey, images between two; an empty id is like no other."""
    ids = ["a", "b", "", "a", "c", "", "b"]
    examples = [annotated(f"{n}-{id_}", [WHOLE]) for n, id_ in enumerate(ids)]
    examples = [
        annotated(id_, [WHOLE], image=made.encoded) for id_, made in zip(ids, examples, strict=True)
    ]
    one = survey_records([write_records(tmp_path / "a.record", examples)])
    other = survey_records(
        [write_records(tmp_path / "b.record", [annotated("z"), examples[5], examples[1]])]
    )

    assert one.find_repeats().tolist() == [3, 6]
    counts = one.faults["source id twice"]
    assert (counts.records, counts.examples[0].source_id) == (2, "a")
    assert one.faults["source id empty"].records == 2
    here, there = one.find_common_images(other)
    assert (here.tolist(), there.tolist()) == ([1, 5], [2, 1])
    assert other.place(2) == RecordPlace(tmp_path / "b.record", 2)


def test_a_long_header_is_read_to_its_end(tmp_path: Path) -> None:
    """Profiles may be larger than the part of an image that is looked at first."""
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (80, 40)).save(stream, "JPEG", icc_profile=bytes(200_000))
    example = annotated("long", image=stream.getvalue(), image_format="jpeg")

    survey = survey_records([write_records(tmp_path / "a.record", [example])])

    assert (survey.faults, survey.image_sizes) == ({}, {(40, 80): 1})


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_decoding_finds_what_the_header_does_not_tell(tmp_path: Path, kind: str) -> None:
    """An image cut short, and a PNG with a wrong byte in its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 80, 3)).astype(np.uint8)
    image = bytearray(encoded(noise, kind))
    damaged = bytes(image[: len(image) // 2])
    examples = [annotated(str(n), image=damaged, image_format=kind) for n in range(2)]
    path = write_records(tmp_path / "a.record", [*examples, annotated("good")])

    assert survey_records([path]).faults == {}
    counts = survey_records([path], decode=True).faults["image undecodable"]
    assert counts.records == 2
    assert "truncated" in counts.examples[0].detail


def test_sizes_of_records_that_do_not_say_them(tmp_path: Path) -> None:
    """The image's own size is taken, for the sizes of boxes too."""
    example = annotated("a", [(0, 0, 1, 0.5)], width=0, height=0)

    survey = survey_records([write_records(tmp_path / "a.record", [example])])

    assert survey.image_sizes == {(40, 80): 1}
    assert survey.classes["Car", None].medium == 1  # 40 x 40 pixels
    assert survey.sample.image_sizes_hw.tolist() == [[40, 80]]


def test_masks_and_keypoints_are_counted(tmp_path: Path) -> None:
    """Records with boxes that have them."""
    message = build_message()
    message.ParseFromString(encode_example(annotated("a")))
    message.features.feature["image/object/mask"].bytes_list.value.append(b"png")
    message.features.feature["image/object/keypoint/x"].float_list.value.append(0.5)
    with RecordWriter(tmp_path / "a.record") as writer:
        writer.write(encode_example(annotated("b")))
        writer.write(message.SerializeToString())

    survey = survey_records([tmp_path / "a.record"])

    assert (survey.with_masks, survey.with_keypoints) == (1, 1)


def test_absurd_numbers_are_counted_like_others(tmp_path: Path) -> None:
    """Sizes beyond every image, infinite boxes, ids at the ends of 64 bits."""
    limit = 2**63 - 1
    boxes = [(0, 0, np.inf, -np.inf), (3e38, -3e38, 3e38, 3e38), (0, 0, 1, 1)]
    example = annotated(
        "a", boxes, [], width=limit, height=limit, class_ids=np.array([limit, -limit - 1, 0])
    )

    survey = survey_records([write_records(tmp_path / "a.record", [example])])

    assert set(survey.faults) == {"image size", "box not finite", "box in pixels"}
    assert survey.box_counts == {3: 1}


FRAMES = st.binary(max_size=40) | st.sampled_from([encode_example(annotated("a"))])


@settings(max_examples=120, deadline=None)
@given(
    payloads=st.lists(FRAMES, max_size=3),
    framed=st.booleans(),
    damage=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4),
    decode=st.booleans(),
)
def test_any_file_gives_a_survey(
    tmp_path_factory: pytest.TempPathFactory,
    payloads: list[bytes],
    damage: list[tuple[int, int]],
    *,
    framed: bool,
    decode: bool,
) -> None:
    """Whatever the bytes: counts, and faults of known kinds."""
    content = bytearray()
    for payload in payloads:
        data = bytearray(payload)
        for place, byte in damage if framed and data else ():
            data[place % len(data)] = byte  # which its checksum does not tell
        length = struct.pack("<Q", len(data))
        content += length + struct.pack("<I", masked_crc32c(length))
        content += data + struct.pack("<I", masked_crc32c(bytes(data)))
    for place, byte in () if framed or not content else damage:
        content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("any") / "any.record"
    path.write_bytes(content)

    survey = survey_records([path], decode=decode)

    assert set(survey.faults) <= set(KINDS)
    assert survey.looked_at == (0 if survey.unreadable else len(payloads))
