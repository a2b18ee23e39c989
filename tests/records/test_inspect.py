"""What records hold, and what is wrong with it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.records.found import ClassCounts, RecordFault, RecordPlace, Survey
from odapi_runner.records.inspect import find_records, inspect_records, tabulate


def encoded(width: int = 400, height: int = 200, name: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height)).save(stream, name)
    return stream.getvalue()


def build(boxes: list[tuple[float, float, float, float]], **changes: Any) -> Annotated:
    """An image of 400x200 with boxes (ymin, xmin, ymax, xmax) of class Car."""
    count = len(boxes)
    value = Annotated(
        source_id="1",
        filename="1.png",
        height=200,
        width=400,
        encoded=encoded(),
        image_format="png",
        boxes_yxyx_norm=np.array(boxes, np.float32).reshape(-1, 4),
        class_names=("Car",) * count,
        class_ids=np.ones(count, np.int64),
        is_crowd=np.zeros(count, np.bool_),
        difficult=np.zeros(count, np.bool_),
        group_of=np.zeros(count, np.bool_),
        truncated=np.zeros(count, np.float32),
        area=np.zeros(count, np.float32),
    )
    return replace(value, **changes)


def write(path: Path, *values: Annotated) -> Path:
    with RecordWriter(path) as writer:
        for value in values:
            writer.write(encode_example(value))
    return path


def only_fault(found: Survey) -> RecordFault:
    """The fault of the only record that has one."""
    ((kind, counts),) = found.faults.items()
    (fault,) = counts.examples
    assert (counts.records, fault.kind) == (1, kind)
    return fault


def test_counts(tmp_path: Path) -> None:
    """Sizes by COCO's areas, from `area` or else the box; ignored boxes apart."""
    one = build(
        # 32*32 is small still, 96*96 medium still; the third one is larger.
        [(0, 0, 0.16, 0.08), (0, 0, 0.48, 0.24), (0, 0, 0.5, 0.25)],
        difficult=np.array([True, False, False]),
    )
    other = build(
        [(0, 0, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1)],
        source_id="2",
        class_names=("보행자", "Car", "Car"),
        class_ids=np.array([2, 1, 1]),
        area=np.array([9, 0, 0], np.float32),
        is_crowd=np.array([False, True, False]),
        group_of=np.array([False, False, True]),
    )
    path = write(tmp_path / "a.record", one, other, build([], source_id="3"))

    found = inspect_records([path])

    assert found.classes == {
        ("Car", 1): ClassCounts(RecordPlace(path, 0), 1, 3, 1, 1, 1, 1, 2),
        ("보행자", 2): ClassCounts(RecordPlace(path, 1), 1, 1, 1, 0, 0, 0, 0),
    }
    assert (found.total, found.looked_at, found.without_boxes, found.faults) == (3, 3, 1, {})
    assert (found.boxes, found.box_counts, found.fullest) == (6, {3: 2, 0: 1}, RecordPlace(path, 0))
    assert found.image_sizes == {(200, 400): 3}
    assert tabulate(found)[1][-1] == ("all", None, None, 3, 4, 2, 1, 1, 1, 2, None)


def test_records_with_ids_only(tmp_path: Path) -> None:
    """Without class/text the id is the name."""
    path = write(tmp_path / "a.record", build([(0, 0, 1, 1)], class_names=()))

    found = inspect_records([path])

    assert list(found.classes) == [(None, 1)]
    assert tabulate(found)[1][0][1:3] == ("id 1", 1)


WHOLE = [(0.0, 0.0, 1.0, 1.0)]
FAULTS = [
    (build([(0.5, 0, 0.25, 1)]), "box inverted", "box 0 (ymin 0.5, xmin 0, ymax 0.25, xmax 1)"),
    (build([(0, 0, 0.5, 1.1)]), "box out of range", "is not within 0..1"),
    (build([(-0.1, 0, 0.5, 1)]), "box out of range", "is not within 0..1"),
    (build([(10, 20, 60, 80)]), "box in pixels", "is in pixels, not in 0..1"),
    (build([(0, 0.5, 1, 0.5)]), "box without area", "has no area"),
    (build([(0, float("nan"), 1, 1)]), "box not finite", "is not finite"),
    (build(WHOLE, source_id=""), "source id empty", "image/source_id is empty"),
    (build(WHOLE, encoded=b"GIF89a..."), "image undecodable", "not an image"),
    (build(WHOLE, encoded=encoded(name="BMP")), "image undecodable", "the image is BMP"),
    (
        build(WHOLE, encoded=encoded(name="JPEG")),
        "image format",
        "image/format is png, but the image is jpeg",
    ),
    (build(WHOLE, width=200), "image size", "say 200x200, but the image is 400x200"),
    (
        build(WHOLE, class_names=(), class_ids=np.zeros(0, np.int64)),
        "class missing",
        "1 boxes without class/text and class/label",
    ),
]


@pytest.mark.parametrize(("value", "kind", "words"), FAULTS)
def test_faults(tmp_path: Path, value: Annotated, kind: str, words: str) -> None:
    """Every kind of fault is found, alone, and told with its place."""
    path = write(tmp_path / "a.record", build(WHOLE, source_id="good"), value)

    fault = only_fault(inspect_records([path]))

    assert (fault.kind, fault.record) == (kind, 1)
    assert words in fault.detail
    assert str(fault).startswith(f"{path}: record 1 ({value.source_id or '?'}): ")


def test_source_ids_are_compared_across_files(tmp_path: Path) -> None:
    """The same image in train and val, or twice, is a fault of the later record."""
    paths = [write(tmp_path / f"{name}.record", build(WHOLE)) for name in "ab"]

    fault = only_fault(inspect_records(paths))
    assert (fault.kind, fault.path, fault.record) == ("source id twice", paths[1], 0)


def test_records_of_something_else(tmp_path: Path) -> None:
    """A record that is no Example is a fault; a file that holds none is an error."""
    with RecordWriter(tmp_path / "a.record") as writer:
        writer.write(b"\xff\xff")
    with RecordWriter(tmp_path / "empty.record"):
        pass

    fault = only_fault(inspect_records([tmp_path / "a.record"]))
    assert (fault.kind, fault.detail) == ("record unreadable", "not a tf.train.Example")
    with pytest.raises(DataError, match="no record"):
        inspect_records([tmp_path / "empty.record"])


def test_a_little_rounding_is_no_fault(tmp_path: Path) -> None:
    """Converters that divide in float32 end a hair beyond 1."""
    path = write(tmp_path / "a.record", build([(0, 0, 1.000001, 1)]))

    assert inspect_records([path]).faults == {}


def test_find_records(tmp_path: Path) -> None:
    """A folder stands for its records, a pattern for what it matches."""
    (tmp_path / "kitti").mkdir()
    paths = [tmp_path / "kitti" / name for name in ("train-0.record", "val-0.record")]
    for path in (*paths, tmp_path / "kitti" / "dataset.json"):
        path.touch()

    assert find_records(["kitti"], tmp_path) == paths
    assert find_records(["kitti/v*.record"], tmp_path) == paths[1:]
    with pytest.raises(DataError, match="no file of that name"):
        find_records([str(tmp_path)], tmp_path)
