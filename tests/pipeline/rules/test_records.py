"""Rules on the record files and on what is in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.pipeline.finding import Finding
from odapi_runner.workspace import Workspace
from support.examples import annotated, encoded, write_records
from support.more_records import TRAIN, VAL, WHOLE, adding, changing, holding
from support.rule_cases import Bend, Case, bend


def with_boxes(*boxes: tuple[float, float, float, float], **more: Any) -> Bend:
    """A record more, with these boxes (ymin, xmin, ymax, xmax) of cars."""
    return adding(annotated("more", boxes=boxes, **more))


EMPTY = [annotated(f"empty-{number}", boxes=[]) for number in range(5)]
EACH = annotated("each", boxes=[WHOLE] * 3, names=["Car", "Pedestrian", "Cyclist"])

CASES = {
    "records": Case(
        fails=bend("train_records=data/kitti/train-*.record,data/kitti/more-*.record"),
        passes=bend("train_records=data/kitti/train-*.record,data/kitti/train-?????-of-00001.*"),
    ),
    "record-file": Case(fails=changing(lambda content: content[:-1]), passes=adding(EACH, to=VAL)),
    "records-empty": Case(fails=changing(lambda _: b""), passes=holding(EACH, name=VAL)),
    "record-unreadable": Case(
        fails=changing(lambda content: content[:40] + b"\xff\xff" + content[42:]),
        passes=changing(lambda content: content[:40] + content[40:]),
    ),
    "image-undecodable": Case(fails=with_boxes(WHOLE, image=b"no image"), passes=with_boxes(WHOLE)),
    "image-format": Case(
        fails=with_boxes(WHOLE, image_format="jpeg"),
        passes=with_boxes(WHOLE, image_format="PNG"),
    ),
    "image-dimensions": Case(
        fails=with_boxes(WHOLE, width=40, height=80),
        passes=with_boxes(WHOLE, width=0, height=0),  # does not say
    ),
    "box-not-finite": Case(
        fails=with_boxes((0.1, 0.1, np.nan, 0.5)), passes=with_boxes((0.1, 0.1, 1.0, 0.5))
    ),
    "box-inverted": Case(
        fails=with_boxes((0.6, 0.1, 0.5, 0.5)), passes=with_boxes((0.4, 0.1, 0.5, 0.5))
    ),
    "box-in-pixels": Case(
        fails=with_boxes((1, 2, 5, 6)), passes=with_boxes((0.025, 0.025, 0.125, 0.075))
    ),
    "box-out-of-range": Case(
        fails=with_boxes((0.1, 0.1, 1.25, 0.5)), passes=with_boxes((0.0, 0.1, 1.000001, 0.5))
    ),
    "box-without-area": Case(
        fails=with_boxes((0.1, 0.1, 0.1, 0.5)), passes=with_boxes((0.1, 0.1, 0.11, 0.5))
    ),
    "area-normalised": Case(
        fails=with_boxes(WHOLE, area=np.array([1.0], np.float32)),
        passes=with_boxes(WHOLE, area=np.array([3200.0], np.float32)),
    ),
    "no-boxes": Case(fails=holding(*EMPTY), passes=holding(*EMPTY[:2], EACH, EACH)),
    "images-without-boxes": Case(fails=adding(*EMPTY), passes=adding(*EMPTY[:4])),  # of 9, of 8
}


Found = Callable[..., list[Finding]]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_an_absent_pattern_names_the_nearest_file(found: Found) -> None:
    """Each pattern counts, not only all together."""
    finding = only(
        found(bend("train_records=data/kitti/train-*.record,data/kitti/trian-00000.record"))
    )

    assert finding.rule == "records"
    assert finding.what == "data/kitti/trian-00000.record: no file of that name"
    assert "odapi data convert" in finding.fix


@pytest.mark.parametrize(
    ("change", "rule", "what"),
    [
        (lambda content: b"\xff" + content[1:], "record-file", "not a TFRecord file (byte 0)"),
        (lambda content: content[:-9], "record-file", "the file ends within a record"),
        (
            lambda content: content[:40] + b"\xff\xff" + content[42:],
            "record-unreadable",
            "a record is damaged (byte 12) (1 of 4 records looked at)",
        ),
        (lambda _: b"Car 0.00 0 -1.5\n", "record-file", "not a TFRecord file"),
    ],
)
def test_a_damaged_file_is_named(
    found: Found, change: Callable[[bytes], bytes], rule: str, what: str
) -> None:
    """Its header, its end, its content, or no records at all."""
    finding = only(found(changing(change)))

    assert finding.rule == rule
    assert what in finding.what
    assert f"{finding.place}: {finding.what}".count(".record") == 1  # the file, once


@pytest.mark.parametrize(
    ("bent", "what", "fix"),
    [
        (
            with_boxes((1, 2, 5, 6)),
            "xmin 2, ymax 5, xmax 6) is in pixels, not in 0..1 (1 of 5 records looked at)",
            "Divide x by the width and y by the height of the image before writing.",
        ),
        (
            with_boxes((0.1, 0.1, 0.5, 0.5), (0.6, 0.1, 0.5, 0.5)),
            "box 1 (ymin 0.6, xmin 0.1, ymax 0.5, xmax 0.5) is inverted (1 of 5 records",
            "Swap the ends",
        ),
        (with_boxes((0.1, -0.5, 0.5, 0.5)), "is not within 0..1", "Clip"),
        (with_boxes(WHOLE, image=b"no image"), "not an image", "Replace"),
        (with_boxes(WHOLE, image_format="jpeg"), "the image is png", "Write"),
        (with_boxes(WHOLE, width=9), "say 9x40, but the image is 80x40", "Write"),
        (
            with_boxes(WHOLE, area=np.array([0.25], np.float32)),
            "has an image/object/area of 0.25, a share of the image: it covers 3200 pixels",
            "Write image/object/area in pixels",
        ),
    ],
)
def test_a_mistake_in_a_record_is_named_with_file_and_number(
    found: Found, tmp_path: Path, bent: Bend, what: str, fix: str
) -> None:
    """Of each kind the first one, and how many records have it."""
    finding = only(found(bent))

    assert what in finding.what
    assert finding.fix.startswith(fix)
    assert finding.place == f"{tmp_path}/0/copy/data/kitti/{TRAIN}: record 4"


def test_a_record_of_something_else_is_named(found: Found, tmp_path: Path) -> None:
    """The framing is right, the payload no tf.train.Example."""

    def write(workspace: Workspace) -> None:
        with RecordWriter(workspace.data / "kitti" / TRAIN) as writer:
            for _ in range(4):
                writer.write(b"\xff\xff")

    finding = only(found(bend(files=write)))

    place = f"{tmp_path}/0/copy/data/kitti/{TRAIN}: record 0"
    assert (finding.rule, finding.place) == ("record-unreadable", place)
    assert finding.what == "not a tf.train.Example (4 of 4 records looked at)"


def test_an_image_cut_short_is_found_by_decoding(found: Found) -> None:
    """Its header is whole: a look at it is not enough, and `decode` is."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 80, 3)).astype(np.uint8)
    for kind in ("png", "jpeg"):
        image = encoded(noise, kind)
        short = annotated("short", image=image[: len(image) * 2 // 3], image_format=kind)

        assert found(adding(short)) == []
        finding = only(found(adding(short), decode=True))
        assert finding.rule == "image-undecodable"
        assert "image file is truncated" in finding.what


def test_readers_of_the_same_files_say_it_once(found: Found) -> None:
    """A record is read once, and its fault is one."""
    bent = with_boxes((1, 2, 5, 6))
    same = bend("eval_records=data/kitti/train-*.record", files=bent.files)

    rules = [finding.rule for finding in found(same)]

    assert rules.count("box-in-pixels") == 1


def test_a_sample_is_taken_from_each_file_and_all_is_all(found: Found) -> None:
    """200 records, spread evenly over each file: the last record of all is one of them."""
    good, bad = annotated("good", [WHOLE] * 3, EACH.class_names), (0.1, 0.1, 0.1, 0.5)

    def write(workspace: Workspace) -> None:
        folder = workspace.data / "kitti"
        (folder / TRAIN).unlink()
        faulty = annotated("bad", [*[WHOLE] * 3, bad], [*EACH.class_names, "Car"])
        for shard in range(2):
            examples = [good] * 150
            examples[2] = faulty  # the first ones looked at are 0, 1, 3, 4, 6
            write_records(folder / f"train-{shard:05d}-of-00002.record", examples)

    counts: list[int] = []

    def track(items: Any, title: str) -> Any:
        counts.append(len(items))
        return items

    assert found(bend(files=write), track=track) == []
    finding = only(found(bend(files=write), every_record=True))
    assert finding.rule == "box-without-area"
    assert "(2 of 300 records looked at)" in finding.what
    assert len(counts) == 2  # one for each reader
