"""The images with the worst errors: which they are, where they are found, how they are drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odapi_runner.errors import DataError
from odapi_runner.formats.detections import Detections, GroundTruth
from odapi_runner.formats.example import encode_example
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.report.run.images import read_images
from odapi_runner.report.run.objects import Objects, build_objects
from odapi_runner.report.run.worst import (
    CORRECT,
    FALSE,
    MISCLASSIFIED,
    MISSED,
    draw_worst,
    find_worst,
)
from odapi_runner.scoring.match import match
from odapi_runner.scoring.pairs import find_pairs, rank_detections
from support.examples import annotated, encoded
from support.scenes import Box, detections, groundtruth

HERE: Box = (20, 40, 40, 40)
THERE: Box = (100, 100, 40, 40)
NOWHERE: Box = (20, 150, 40, 30)
GREY = np.full((200, 200, 3), 128, np.uint8)


def objects_of(truth: GroundTruth, found: Detections) -> Objects:
    ranked = rank_detections(truth, found, by_class=False, limit=None)
    pairs = find_pairs(truth, found, ranked, by_class=False, at_least=0.1)
    return build_objects(truth, found, match(truth, found, thresholds=[0.5]), pairs)


@pytest.fixture
def objects() -> Objects:
    """Image 0 is faultless, 1 has a false box, 2 a missed and a misclassified object, 3 a false."""
    truth = groundtruth([(0, 1, HERE), (2, 1, HERE), (2, 2, THERE)], images=5)
    found = detections(
        [
            (0, 1, HERE, 0.9),
            (1, 1, NOWHERE, 0.6),
            (2, 1, THERE, 0.5),
            (2, 1, HERE, 0.2),
            (3, 2, NOWHERE, 0.8),
        ]
    )
    return objects_of(truth, found)


def test_most_errors_first_then_the_surest(objects: Objects) -> None:
    """What has no error is none of them, however many are asked for."""
    faults = find_worst(objects, 0.4, 10)

    assert [(fault.image, fault.describe()) for fault in faults] == [
        (2, "1 misclassified, 1 missed"),
        (3, "1 false"),
        (1, "1 false"),
    ]
    assert [fault.name for fault in find_worst(objects, 0.4, 1)] == ["000002"]
    # At 0.1 the car is found; at 0.7 nothing is false but on image 3, and two are missed on 2.
    assert [fault.describe() for fault in find_worst(objects, 0.1, 1)] == ["1 false"]
    assert find_worst(objects, 0.7, 1)[0].describe() == "2 missed"


def test_boxes_have_the_colors_of_what_became_of_them(objects: Objects) -> None:
    """Each at the left edge of its box, where nothing else is."""
    image = encoded(GREY)

    (two, three) = draw_worst(objects, 0.4, find_worst(objects, 0.4, 2), {2: image, 3: image})

    assert _near(two.jpeg, 20, 60, MISSED)
    assert _near(two.jpeg, 100, 120, MISCLASSIFIED)
    assert _near(three.jpeg, 20, 165, FALSE)
    assert two.size == (480, 480)
    assert (two.title, two.caption) == ("000002", "1 misclassified, 1 missed")


def test_what_is_right_is_green_where_it_was_found() -> None:
    """The box that was found is drawn, so that one sees how well it fits."""
    shifted: Box = (26, 40, 40, 40)
    objects = objects_of(
        groundtruth([(0, 1, HERE)]), detections([(0, 1, shifted, 0.9), (0, 1, NOWHERE, 0.9)])
    )

    (picture,) = draw_worst(objects, 0.4, find_worst(objects, 0.4, 1), {0: encoded(GREY)})

    assert _near(picture.jpeg, 26, 60, CORRECT)
    assert _near(picture.jpeg, 20, 60, "#808080")


def test_a_picture_is_never_larger_than_its_share(objects: Objects) -> None:
    """Noise, which JPEG cannot make small: it becomes smaller in pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8)

    (picture,) = draw_worst(objects, 0.4, find_worst(objects, 0.4, 1), {2: encoded(noise)})

    assert len(picture.jpeg) <= 72 << 10
    assert max(picture.size) in {640, 480, 320, 160}


def test_an_image_that_cannot_be_read_is_left_out(objects: Objects) -> None:
    """Whether it is cut short or not there."""
    faults = find_worst(objects, 0.4, 3)

    pictures = draw_worst(objects, 0.4, faults, {2: encoded(GREY)[:60], 3: encoded(GREY)})

    assert [picture.title for picture in pictures] == ["000003"]


CONFIG = 'eval_input_reader {{ {more} tf_record_input_reader {{ input_path: "val-*.record" }} }}'


def write_records(folder: Path, *names: str) -> None:
    """A record a name, in two files; each image has a grey of its own."""
    half = len(names) // 2
    for number, part in enumerate((names[:half], names[half:])):
        with RecordWriter(folder / f"val-{number}.record") as writer:
            for place, name in enumerate(part):
                pixels = np.full((20, 20, 3), 10 * (number * half + place), np.uint8)
                writer.write(encode_example(annotated(name, image=encoded(pixels))))


@pytest.mark.parametrize(
    ("names", "ids", "more", "wanted", "greys"),
    [
        (["a", "b", "c", "d"], ["a", "b", "c", "d"], "", [3, 1], {3: 30, 1: 10}),
        # A record that came before is no image; one that could not be decoded has no number.
        (["a", "b", "a", "d"], ["a", "d"], "", [0, 1], {0: 0, 1: 30}),
        (["", "", "", ""], ["", "", "", ""], "", [2], {2: 20}),
        (["", "", "", ""], ["", ""], "sample_1_of_n_examples: 2", [1], {1: 20}),
        (["a", "b", "c", "d"], ["a", "x"], "", [0, 1], {0: 0}),
        (["a", "b", "c", "d"], ["a"], "", [], {}),
    ],
)
def test_images_are_found_by_their_source_ids(
    tmp_path: Path,
    names: list[str],
    ids: list[str],
    more: str,
    wanted: list[int],
    greys: dict[int, int],
) -> None:
    """The first of each name; without names in their order."""
    write_records(tmp_path, *names)
    truth = replace(groundtruth([], images=len(ids)), source_ids=np.array(ids, np.str_))

    found = read_images(
        parse_pipeline(CONFIG.format(more=more), "a.config"), tmp_path, truth, wanted
    )

    assert {number: _pixels(image)[0, 0, 0] for number, image in found.items()} == greys


def test_a_config_without_an_evaluation_has_no_images(tmp_path: Path) -> None:
    """It is said, not guessed."""
    with pytest.raises(DataError, match="names no eval_input_reader"):
        read_images(parse_pipeline("", "a.config"), tmp_path, groundtruth([]), [0])


def _pixels(image: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(image)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def _near(jpeg: bytes, x: int, y: int, color: str) -> bool:
    """Whether a pixel of the image, shown 2.4 times as large, has about this color.

    JPEG blurs it.
    """
    wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    return bool(np.abs(_pixels(jpeg)[round(2.4 * y), round(2.4 * x)] - wanted).max() < 60)
