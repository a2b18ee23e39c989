"""The groundtruth of an evaluation, from decoded records."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated
from odapi_runner.formats.groundtruth import box_classes, build_groundtruth
from odapi_runner.formats.label_map import LabelItem, LabelMap

LABELS = LabelMap((LabelItem(2, "car", "자동차"), LabelItem(1, "person", "person")))


def build_example(
    boxes: list[list[float]], names: tuple[str, ...] = (), **values: Any
) -> Annotated:
    """A record of 100 x 200 px (height, width) with these boxes, yxyx, 0..1."""
    count = len(boxes)
    given: dict[str, Any] = {
        "source_id": "a.png",
        "filename": "a.png",
        "height": 100,
        "width": 200,
        "encoded": b"",
        "image_format": "png",
        "boxes_yxyx_norm": np.array(boxes, np.float32).reshape(-1, 4),
        "class_names": names,
        "class_ids": np.zeros(0, np.int64),
        "truncated": np.zeros(count, np.float32),
        "area": np.zeros(count, np.float32),
    }
    given |= {name: np.zeros(count, bool) for name in ("is_crowd", "difficult", "group_of")}
    return Annotated(**(given | values))


HALF = [0.25, 0.5, 0.75, 1.0]  # of 100 x 200 px: x 100, y 25, 100 wide, 50 high


def test_boxes_are_pixels_of_the_original_image() -> None:
    """(0.25, 0.5, 0.75, 1.0) of 100 x 200 px is (100, 25, 100, 50), and its area 5000."""
    truth = build_groundtruth([build_example([HALF], ("car",))], LABELS).groundtruth

    assert truth.boxes_xywh_px.tolist() == [[100, 25, 100, 50]]
    assert truth.area.tolist() == [5000]
    assert truth.sizes_hw.tolist() == [[100, 200]]
    assert truth.class_ids.tolist() == [2, 1]
    assert truth.class_names.tolist() == ["자동차", "person"]


def test_an_area_that_the_record_gives_is_taken() -> None:
    """A mask of 1234 px in a box of 5000; 0 stands for none given."""
    example = build_example([HALF, HALF], ("car", "car"), area=np.array([1234, 0], np.float32))

    assert build_groundtruth([example], LABELS).groundtruth.area.tolist() == [1234, 5000]


def test_names_decide_and_ids_only_where_there_are_none() -> None:
    """A name or a displayed name gives the id; an id counts when the record has no names."""
    named = build_example([HALF] * 3, ("자동차", "person", "tram"), class_ids=np.array([1, 1, 1]))
    numbered = build_example([HALF] * 3, class_ids=np.array([2, 0, 7]))
    unlabelled = build_example([HALF])

    assert box_classes(named, LABELS).tolist() == [2, 1, -1]
    assert box_classes(numbered, LABELS).tolist() == [2, -1, -1]
    assert box_classes(unlabelled, LABELS).tolist() == [-1]


def test_unknown_classes_and_nan_go_before_the_boxes_are_counted() -> None:
    """Of four boxes one is of no class and one no box; the other two fill `max_boxes`."""
    boxes = [HALF, [np.nan, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0.5, 0.5]]
    example = build_example(boxes, ("tram", "car", "car", "person"))

    two = build_groundtruth([example], LABELS, max_boxes=2).groundtruth
    one = build_groundtruth([example], LABELS, max_boxes=1).groundtruth

    assert two.classes.tolist() == [2, 1]
    assert one.boxes_xywh_px.tolist() == [[0, 0, 200, 100]]


def test_a_group_is_a_crowd() -> None:
    """`is_crowd` and `group_of` both make a box that nothing is held against."""
    example = build_example(
        [HALF] * 3,
        ("car",) * 3,
        is_crowd=np.array([True, False, False]),
        group_of=np.array([False, True, False]),
    )

    truth = build_groundtruth([example], LABELS).groundtruth

    assert truth.is_crowd.tolist() == [True, True, False]


def test_the_second_record_of_a_source_id_is_left_out() -> None:
    """Images are numbered without it, and `records` says which record each one is."""
    examples = [
        build_example([HALF], ("car",), source_id=source_id) for source_id in ("a", "b", "a", "c")
    ]

    built = build_groundtruth(examples, LABELS)

    assert built.groundtruth.source_ids.tolist() == ["a", "b", "c"]
    assert built.groundtruth.image.tolist() == [0, 1, 2]
    assert built.records.tolist() == [0, 1, 3]
    assert built.duplicates == ("a",)


def test_records_without_a_source_id_are_all_kept() -> None:
    """An empty source id is no identity."""
    examples = [build_example([], source_id=""), build_example([], source_id="")]

    built = build_groundtruth(examples, LABELS)

    assert built.records.tolist() == [0, 1]
    assert built.duplicates == ()


def test_nothing_has_the_shapes_of_something() -> None:
    """No record, or an image without a box, still has two-dimensional arrays of the right type."""
    none = build_groundtruth([], LABELS).groundtruth
    empty = build_groundtruth([build_example([])], LABELS).groundtruth

    for truth, images in ((none, 0), (empty, 1)):
        assert truth.boxes_xywh_px.shape == (0, 4)
        assert truth.sizes_hw.shape == (images, 2)
        assert truth.source_ids.dtype.kind == "U"
        assert (truth.image.dtype, truth.classes.dtype) == (np.int64, np.int64)
        assert (truth.is_crowd.dtype, truth.area.dtype) == (np.bool_, np.float64)


def test_the_image_says_its_size_where_the_record_does_not() -> None:
    """Without `image/height` the head of the image is read; a broken one is a DataError."""
    stream = io.BytesIO()
    Image.new("RGB", (30, 20)).save(stream, "PNG")
    silent = {"height": 0, "width": 0}

    truth = build_groundtruth([build_example([], encoded=stream.getvalue(), **silent)], LABELS)

    assert truth.groundtruth.sizes_hw.tolist() == [[20, 30]]
    with pytest.raises(DataError, match=r'the image of record "a\.png" cannot be read'):
        build_groundtruth([build_example([], encoded=b"\x89PNG", **silent)], LABELS)


def test_some_of_the_images_are_numbered_anew() -> None:
    """Their boxes go with them; an image without boxes is one, too."""
    names = (("car", "person"), (), ("person",))
    examples = [
        build_example([HALF] * len(of_image), of_image, source_id=str(number))
        for number, of_image in enumerate(names)
    ]
    whole = build_groundtruth(examples, LABELS).groundtruth
    kept = whole.keep_images(np.array([False, True, True]))

    assert whole.image.tolist() == [0, 0, 2]
    assert kept.source_ids.tolist() == ["1", "2"]
    assert kept.sizes_hw.tolist() == [[100, 200]] * 2
    assert kept.image.tolist() == [1]
    assert kept.classes.tolist() == [1]
    assert kept.class_ids.tolist() == [2, 1]


def test_an_infinite_box_is_none() -> None:
    """As little as one that is not a number."""
    example = build_example([[0, 0, np.inf, 1], HALF], ("car", "car"))

    assert len(build_groundtruth([example], LABELS).groundtruth.classes) == 1
