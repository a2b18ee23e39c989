"""The street scenes of the demo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odapi_runner.records.draw import draw_street, draw_streets
from odapi_runner.records.kitti import parse_label

IMAGES = 40


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streets")
    draw_streets(folder, images=IMAGES, seed=5)
    return folder / "training"


def test_folder(streets: Path) -> None:
    """Pictures and labels are KITTI's: numbered, of the size asked for, parsed without a fault."""
    assert [path.name for path in sorted((streets / "image_2").iterdir())] == [
        f"{number:06d}.png" for number in range(IMAGES)
    ]
    for picture in (streets / "image_2").iterdir():
        label = streets / "label_2" / f"{picture.stem}.txt"
        objects, faults = parse_label(label.read_text("utf-8"), label)
        with Image.open(picture) as image:
            assert image.size == (256, 192)
        assert faults == []
        for item in objects:
            xmin, ymin, xmax, ymax = item.box_xyxy_px
            assert 0 <= xmin < xmax <= 256
            assert 0 <= ymin < ymax <= 192


def test_variety(streets: Path) -> None:
    """Every class, DontCare, truncation, each grade of occlusion, and sizes from 12 to 150 px."""
    objects = [
        item
        for label in sorted((streets / "label_2").iterdir())
        for item in parse_label(label.read_text("utf-8"), label)[0]
    ]
    known = [item for item in objects if item.name != "DontCare"]
    sides = [
        max(item.box_xyxy_px[2] - item.box_xyxy_px[0], item.box_xyxy_px[3] - item.box_xyxy_px[1])
        for item in known
    ]

    assert {item.name for item in objects} == {"Car", "Pedestrian", "Cyclist", "DontCare"}
    assert {item.details["occluded"] for item in known} == {0, 1, 2}
    assert any(item.truncated > 0.1 for item in known)
    assert min(sides) < 20
    assert 100 < max(sides) <= 150


def test_seed_and_number_decide() -> None:
    """The same seed draws the same scene, another seed another one."""

    def drawn(*seed: int) -> tuple[bytes, list[str]]:
        image, lines = draw_street(np.random.default_rng(seed), (96, 128))
        return image.tobytes(), lines

    assert drawn(1, 5) == drawn(1, 5)
    assert drawn(1, 5)[0] != drawn(2, 5)[0]
