"""Pictures of what was found beside what is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from odapi_runner import drawing
from odapi_runner.drawing import COLORS
from odapi_runner.engine.pictures import side_by_side
from odapi_runner.formats.detections import Detections, GroundTruth
from support.configs import small_spec
from support.examples import encoded

LIMITS = dataclasses.replace(small_spec().evaluation, min_score=0.5, max_boxes_drawn=2)
BLACK = np.zeros((60, 100, 3), np.uint8)
BOX = (20.0, 30.0, 40.0, 20.0)


@pytest.fixture(autouse=True)
def _own_font_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same pictures on every machine, whatever fonts it has."""
    monkeypatch.setattr(drawing, "FONTS", ())
    drawing.font.cache_clear()
    yield
    drawing.font.cache_clear()


def detections(
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    scores: Sequence[float],
    image: Sequence[int] | None = None,
) -> Detections:
    return Detections(
        step=1,
        image=np.array([0] * len(boxes) if image is None else image, np.int64),
        boxes_xywh_px=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        scores=np.array(scores, np.float32),
        metrics={},
    )


def groundtruth(
    boxes: Sequence[Sequence[float]], classes: Sequence[int], names: Sequence[str]
) -> GroundTruth:
    count = len(boxes)
    return GroundTruth(
        source_ids=np.array(["one", "two"]),
        sizes_hw=np.array([[60, 100], [60, 100]]),
        image=np.zeros(count, np.int64),
        boxes_xywh_px=np.array(boxes, np.float64).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        is_crowd=np.zeros(count, np.bool_),
        area=np.ones(count),
        class_ids=np.arange(1, len(names) + 1),
        class_names=np.array(names),
    )


def drawn(found: Detections, there: GroundTruth, image: np.ndarray = BLACK) -> np.ndarray:
    return side_by_side(encoded(image), 0, found, there, LIMITS)


def color(number: int) -> list[int]:
    code = COLORS[number - 1]
    return [int(code[place : place + 2], 16) for place in (1, 3, 5)]


def test_found_is_left_and_groundtruth_right() -> None:
    """Each box is outlined in the color of its class; the inside is left as it was."""
    picture = drawn(
        detections([BOX], [1], [0.9]), groundtruth([(50, 35, 20, 20)], [2], ["Car", "Cyclist"])
    )

    assert picture.shape == (60, 200, 3)
    assert picture.dtype == np.uint8
    # BOX reaches from (20, 30) to (60, 50); the other from (50, 35) to (70, 55), 100 further.
    left = [picture[y, x].tolist() for y, x in ((50, 40), (40, 20), (40, 60))]
    right = [picture[y, x].tolist() for y, x in ((55, 160), (45, 150), (45, 170))]
    assert left == [color(1)] * 3
    assert right == [color(2)] * 3
    assert not picture[33:47, 24:56].any()
    assert not picture[:10].any()


def test_only_the_best_above_the_threshold_are_drawn() -> None:
    """Here at most two, at least of score 0.5, and of this image."""
    boxes = [(10, 20, 5, 5), (30, 20, 5, 5), (50, 20, 5, 5), (70, 20, 5, 5), (90, 40, 5, 5)]
    found = detections(boxes, [1] * 5, [0.6, 0.9, 0.49, 0.7, 0.99], image=[0, 0, 0, 0, 1])
    picture = drawn(found, groundtruth([], [], ["Car"]))

    corners = [
        bool(picture[y + 5, x + 2].any())
        for x, y in ((10, 20), (30, 20), (50, 20), (70, 20), (90, 40))
    ]
    assert corners == [False, True, False, True, False]
    assert not picture[:, 100:].any()


def test_a_large_image_is_made_smaller_with_its_boxes() -> None:
    """1280 pixels become 640, and so do the places of the boxes."""
    large = np.zeros((320, 1280, 3), np.uint8)
    picture = drawn(
        detections([], [], []), groundtruth([(200, 200, 400, 100)], [1], ["Car"]), large
    )

    assert picture.shape == (160, 1280, 3)
    assert picture[150, 640 + 200].tolist() == color(1)
    assert picture[125, 640 + 100].tolist() == color(1)


def test_a_name_that_the_font_cannot_write_becomes_the_number() -> None:
    """Without a Korean font a Korean class is named honestly, not by empty boxes."""
    found = detections([BOX], [2], [0.9])
    korean = drawn(found, groundtruth([BOX], [2], ["Car", "자전거"]))

    numbered = drawn(found, groundtruth([BOX], [2], ["Car", "class 2"]))
    assert np.array_equal(korean, numbered)
    assert not np.array_equal(korean, drawn(found, groundtruth([BOX], [2], ["Car", "bicycle"])))


def test_a_class_that_the_label_map_lacks_is_named_by_its_number() -> None:
    """COCO's detectors know 90 classes, its label map has 80."""
    found = detections([BOX], [2], [0.9])

    unknown = drawn(found, groundtruth([], [], ["Car"]))

    assert np.array_equal(unknown, drawn(found, groundtruth([], [], ["Car", "class 2"])))


def test_grey_and_transparent_images_are_shown_in_color() -> None:
    """Whatever the records hold, an event file holds RGB."""
    nothing = (detections([], [], []), groundtruth([], [], ["Car"]))
    grey, transparent = np.full((60, 100), 77, np.uint8), np.full((60, 100, 4), 77, np.uint8)

    for image in (grey, transparent):
        assert np.array_equal(drawn(*nothing, image), np.full((60, 200, 3), 77, np.uint8))
