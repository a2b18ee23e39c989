"""What records hold, counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from odapi_runner.engine.spec.input import Input
from odapi_runner.engine.tally import BadImage, Tally
from odapi_runner.errors import DataError
from odapi_runner.formats.label_map import read_label_map
from support.examples import annotated, write_records


def build_tally(folder: Path, records: int, *, max_boxes: int = 3, max_bad: float = 0.1) -> Tally:
    write_records(folder / "one.record", [])
    spec = Input(
        label_map="label_map.pbtxt",
        patterns=(),
        weights=(),
        shuffle=True,
        sample_1_of_n=1,
        max_boxes=max_boxes,
    )
    label_map = read_label_map(folder / "label_map.pbtxt")
    return Tally(spec, label_map, records, max_bad=max_bad)


def test_what_is_left_out_is_counted_and_named_once(tmp_path: Path) -> None:
    """Each class that the label map lacks, and the first record of each other kind."""
    tally = build_tally(tmp_path, 3)
    boxes = [[0, 0, 0.1, 0.1 * place] for place in range(1, 8)]
    boxes[3][0] = float("nan")
    names = ["Tram", "Car", "Van", "Car", "Cyclist", "Car", "Pedestrian"]
    tally.look(0, annotated("a", boxes=boxes, names=names), "x: record 0")
    tally.look(1, annotated("b", boxes=[[0, 0, 1, 1.25]] * 2, names=["Tram", "Car"]), "x: record 1")

    assert tally.take_news() == [
        "x: record 0: boxes of Tram, not in the label map, are left out",
        "x: record 0: boxes of Van, not in the label map, are left out",
        "x: record 0: a box not finite is left out",
        "x: record 0: of 4 boxes the first 3 count (max_number_of_boxes)",
        "x: record 1: a box reaches out of the image, and is taken as it is",
    ]
    assert tally.take_news() == []
    assert tally.summary() == (
        "2 images, 9 boxes; boxes left out: 3 of an unknown class, 1 not finite, "
        "1 beyond max_number_of_boxes; 1 boxes reach out of the image"
    )
    assert tally.numbers() == {
        "images": 2,
        "boxes": 9,
        "left_out": {"of an unknown class": 3, "not finite": 1, "beyond max_number_of_boxes": 1},
        "out_of_the_image": 1,
        "unknown_classes": {"Tram": 2, "Van": 1},
        "bad_images": [],
    }


def test_a_record_counts_once(tmp_path: Path) -> None:
    """In later epochs nothing is new."""
    tally = build_tally(tmp_path, 2)
    for _ in range(2):
        tally.look(0, annotated("a", names=["Tram"]), "x: record 0")
        assert not tally.complete
    tally.look(1, annotated("b"), "x: record 1")

    assert tally.complete
    assert tally.summary() == "2 images, 2 boxes; boxes left out: 1 of an unknown class"


def test_classes_without_names_are_numbers(tmp_path: Path) -> None:
    """As the record has them; what has neither is said to have none."""
    tally = build_tally(tmp_path, 2)
    boxes = [[0, 0, 1, 1]] * 2
    tally.look(0, annotated(boxes=boxes, names=[], class_ids=np.array([7, 3])), "x: record 0")
    tally.look(1, annotated(boxes=boxes, names=[]), "x: record 1")

    assert tally.numbers()["unknown_classes"] == {"class 7": 1, "no class": 2}


def test_bad_images_are_an_error_above_their_share(tmp_path: Path) -> None:
    """One of ten may be; the same one again is no second."""
    tally = build_tally(tmp_path, 10, max_bad=0.1)
    for _ in range(2):
        tally.look_at_bad(4, BadImage("x: record 4", "e", "no PNG"))
    with pytest.raises(DataError) as caught:
        tally.look_at_bad(5, BadImage("x: record 5", "", "no PNG"))

    assert tally.take_news() == [
        "x: record 4 (e): its image is left out, it cannot be decoded: no PNG",
        "x: record 5: its image is left out, it cannot be decoded: no PNG",
    ]
    assert caught.value.what == (
        "x: record 5: its image cannot be decoded; "
        "2 of 10 are more than --max-bad-images 0.1 allows"
    )
