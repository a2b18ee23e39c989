"""The best anchor for a box, against figures worked out by hand and against every anchor."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from odapi_runner.pipeline.anchor_match import Border, build_maps, find_border, match_boxes
from odapi_runner.proto.messages import message_class
from odapi_runner.proto.text import read_pipeline


def model(text: str) -> Any:
    return text_format.Parse(text, message_class("DetectionModel")())


def best(text: str, box: tuple[float, float, float, float], side: int) -> float:
    """The IoU of one box (ymin, xmin, ymax, xmax) on a square input."""
    found = match_boxes(model(text), np.array([box], np.float64), np.full((1, 2), float(side)))
    assert found is not None
    return float(found[0])


# One level of stride 8: squares of 4 * 8 = 32 pixels about (4, 4), (4, 12), …
PYRAMID = """ssd { anchor_generator { multiscale_anchor_generator {
  min_level: 3 max_level: 3 anchor_scale: 4 aspect_ratios: 1 scales_per_octave: 1 } } }"""


@pytest.mark.parametrize(
    ("box", "iou"),
    [
        ((-4, -4, 28, 28), 1.0),  # the anchor about (12, 12)
        ((4, 4, 20, 20), 0.25),  # a quarter of it
        ((0, -4, 32, 28), 28 * 32 / (2 * 32 * 32 - 28 * 32)),  # half a stride beside: 0.778
        ((-4, -4, 28, 60), 32 * 32 / (32 * 64)),  # twice as wide
        ((52, 52, 84, 84), 24 * 24 / (2 * 32 * 32 - 24 * 24)),  # beyond the last centre, (60, 60)
    ],
)
def test_a_pyramid(box: tuple[float, float, float, float], iou: float) -> None:
    """An input of 64 pixels has 8 x 8 places."""
    assert best(PYRAMID, box, 64) == pytest.approx(iou)


def test_where_cells_do_not_fill_the_input_centres_begin_at_its_corner() -> None:
    """60 is no multiple of 8: centres at 0, 8, … 56."""
    assert best(PYRAMID, (-16, -16, 16, 16), 60) == pytest.approx(1)
    assert best(PYRAMID, (40, 40, 72, 72), 60) == pytest.approx(1)


def test_octaves_and_ratios() -> None:
    """Ratio 4 is four times as wide as high; the second of two octaves is sqrt 2 as large."""
    text = PYRAMID.replace("aspect_ratios: 1", "aspect_ratios: 4").replace("octave: 1", "octave: 2")

    assert best(text, (12 - 8, 12 - 32, 12 + 8, 12 + 32), 64) == pytest.approx(1)
    root = 2**0.5
    larger = (12 - 8 * root, 12 - 32 * root, 12 + 8 * root, 12 + 32 * root)
    assert best(text, larger, 64) == pytest.approx(1)
    assert best(text, (4, 4, 20, 20), 64) == pytest.approx(16 * 16 / (16 * 64))


# Squares of 32 pixels about (0, 0), (0, 16), …
GRID = """faster_rcnn { CLIP first_stage_anchor_generator { grid_anchor_generator {
  height: 64 width: 64 height_stride: 16 width_stride: 16 scales: 0.5 aspect_ratios: 1 } } }"""


@pytest.mark.parametrize(
    ("clip", "box", "iou"),
    [
        # Trained without the anchors that reach over the border: the first one is about (16, 16).
        ("", (0, 0, 16, 16), 0.25),
        ("", (0, 0, 32, 32), 1.0),
        ("", (32, 32, 64, 64), 1.0),
        # Clipped: what is left of the one about (0, 0), and of the one about (48, 48) all.
        ("clip_anchors_to_image: true", (0, 0, 16, 16), 1.0),
        ("clip_anchors_to_image: true", (0, 0, 24, 32), 0.75),
        ("clip_anchors_to_image: true", (32, 32, 64, 64), 1.0),
    ],
)
def test_the_border_of_faster_rcnn(
    clip: str, box: tuple[float, float, float, float], iou: float
) -> None:
    """An input of 64 pixels has 4 x 4 places."""
    assert best(GRID.replace("CLIP", clip), box, 64) == pytest.approx(iou)


def test_anchors_larger_than_the_input_are_not_there() -> None:
    """All of them reach over the border: nothing matches."""
    assert best(GRID.replace("CLIP", "").replace("0.5", "2"), (0, 0, 64, 64), 64) == 0


SSD = """ssd { anchor_generator { ssd_anchor_generator {
  num_layers: 2 min_scale: 0.2 max_scale: 0.5 aspect_ratios: 1 aspect_ratios: 4 } } }"""


@pytest.mark.parametrize(
    ("side_hw", "map_", "number"),
    [
        ((30, 30), 19, 0),  # the finest map has three: 0.1 of 300 pixels,
        ((60 / 2**0.5, 60 * 2**0.5), 19, 3),  # 0.2 twice as wide as high,
        ((60 * 2**0.5, 60 / 2**0.5), 19, 18),  # and twice as high as wide
        ((150, 150), 10, 0),  # the next one 0.5 in all ratios,
        ((75, 300), 10, 4),
        ((300 * 0.5**0.5, 300 * 0.5**0.5), 10, 9),  # and one on the way to 1: sqrt(0.5 * 1)
    ],
)
def test_ssd(side_hw: tuple[float, float], map_: int, number: int) -> None:
    """Maps of 19 x 19 and 10 x 10 places on 300 pixels; centres in the middle of each cell."""
    centre, (height, width) = (number + 0.5) * 300 / map_, side_hw
    box = (centre - height / 2, centre - width / 2, centre + height / 2, centre + width / 2)

    assert best(SSD, box, 300) == pytest.approx(1)


def test_models_without_anchors_have_no_match() -> None:
    """CenterNet; an SSD without a generator, or with one that has no ratios or no stride."""
    one = np.array([[0.0, 0, 8, 8]]), np.array([[64.0, 64]])

    for text in (
        "center_net { }",
        "ssd { }",
        PYRAMID.replace("aspect_ratios: 1", ""),
        GRID.replace("CLIP", "").replace("height_stride: 16", "height_stride: 0"),
    ):
        assert match_boxes(model(text), *one) is None


def all_anchors(text: str, side: float, border: Border) -> np.ndarray:
    """Each anchor of each place, [n, 4], with what becomes of it at the border."""
    boxes = []
    for of in build_maps(model(text), np.full((1, 2), side)):
        rows, columns = of.places_hw[0, 0].astype(int)
        for row, column in itertools.product(range(rows), range(columns)):
            centre = of.offset_hw[0, 0] + of.stride_hw[0, 0] * (row, column)
            sizes = np.broadcast_to(of.sizes_hw[0], of.sizes_hw[0].shape)
            boxes.append(np.concatenate([centre - sizes / 2, centre + sizes / 2], axis=1))
    anchors = np.concatenate(boxes)
    if border == "drop":
        return anchors[((anchors >= 0) & (anchors <= side)).all(axis=1)]
    return anchors.clip(0, side) if border == "clip" else anchors


def best_of_all(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The largest IoU of each box with any of the anchors, the long way."""
    low = np.maximum(boxes[:, None, :2], anchors[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], anchors[None, :, 2:])
    shared = np.maximum(0, high - low).prod(axis=2)
    areas = [(of[:, 2:] - of[:, :2]).prod(axis=1) for of in (boxes, anchors)]
    return (shared / (areas[0][:, None] + areas[1][None] - shared)).max(axis=1)


def random_boxes(count: int, side: float) -> np.ndarray:
    generator = np.random.default_rng(7)
    centres = generator.uniform(0, side, (count, 2))
    sides = np.exp(generator.uniform(np.log(4), np.log(side), (count, 2)))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).clip(0, side)
    return boxes[((boxes[:, 2:] - boxes[:, :2]) > 1).all(axis=1)]


MANY = """min_level: 3 max_level: 5 anchor_scale: 4 aspect_ratios: 1 aspect_ratios: 2
  aspect_ratios: 0.5 scales_per_octave: 2"""


@pytest.mark.parametrize(
    "text",
    [
        f"ssd {{ anchor_generator {{ multiscale_anchor_generator {{ {MANY} }} }} }}",
        SSD,
        *(
            f"faster_rcnn {{ clip_anchors_to_image: {clip} first_stage_anchor_generator {{ "
            f"multiscale_anchor_generator {{ {MANY} }} }} }}"
            for clip in ("true", "false")
        ),
    ],
)
@pytest.mark.parametrize("side", [128.0, 100.0])
def test_it_is_the_best_of_all(text: str, side: float) -> None:
    """The short way finds what looking at each anchor finds."""
    boxes = random_boxes(300, side)

    found = match_boxes(model(text), boxes, np.full((len(boxes), 2), side))

    assert found == pytest.approx(
        best_of_all(boxes, all_anchors(text, side, find_border(model(text)))), abs=1e-9
    )


@pytest.mark.parametrize(
    "name",
    [
        "efficientdet_d0",
        "ssd_mobilenet_v1_fpn",
        "ssd_mobilenet_v2",
        "ssd_mobilenet_v2_fpnlite",
        "ssd_resnet50_v1_fpn",
        "faster_rcnn_resnet50",  # its anchors in inference mode: clipped, as this config trains
    ],
)
def test_the_anchors_are_those_of_the_object_detection_api(reference: Path, name: str) -> None:
    """The same best IoU as with the anchors that its `predict` returns."""
    config = read_pipeline(reference / "numerics" / f"{name}.config")
    stored = np.load(reference / "numerics" / f"{name}.npz")
    side = float(stored["image"].shape[1])
    anchors = stored["pred/anchors"].astype(np.float64)
    boxes = random_boxes(200, side)

    found = match_boxes(config.model, boxes, np.full((len(boxes), 2), side))

    in_pixels = anchors if "faster" in name else anchors * side
    assert found == pytest.approx(best_of_all(boxes, in_pixels), abs=1e-5)
