"""Contact sheets of augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odapi_runner import drawing
from odapi_runner.drawing import COLORS
from odapi_runner.engine.contact_sheets import CELL, GAP, write_contact_sheets
from odapi_runner.errors import ConfigError, DataError
from support.examples import LABEL_MAP, annotated, encoded, write_records

INPUT = 'train_input_reader { label_map_path: "label_map.pbtxt" tf_record_input_reader {} }'
# Its left half is black, the right one white.
HALVES = np.repeat(np.array([[[0] * 3] * 40 + [[255] * 3] * 40], np.uint8), 40, axis=0)


@pytest.fixture(autouse=True)
def _own_font_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same pictures on every machine, whatever fonts it has."""
    monkeypatch.setattr(drawing, "FONTS", ())
    drawing.font.cache_clear()
    yield
    drawing.font.cache_clear()


def sheets(
    folder: Path, steps: str, image: bytes | None = None, images: int = 1, **more: object
) -> list[np.ndarray]:
    """The pixels of the sheets of one record."""
    (folder / "label_map.pbtxt").write_text(LABEL_MAP, encoding="utf-8")
    example = annotated(image=encoded(HALVES) if image is None else image, **more)
    records = write_records(folder / "train.record", [example])
    config = folder / "some.config"
    options = f"data_augmentation_options {{ {steps} }}" if steps else ""
    config.write_text(f"{INPUT} train_config {{ {options} }}", encoding="utf-8")
    paths = write_contact_sheets(
        config, [records], folder / "out", images=images, seed=0, root=folder
    )
    found = []
    for path in paths:
        with Image.open(path) as sheet:
            found.append(np.asarray(sheet).astype(int))
    return found


def cell(sheet: np.ndarray, column: int) -> np.ndarray:
    """The picture of a column, without its caption; 80 x 40 pixels four times as large."""
    left = column * (CELL + 2 * GAP) + GAP
    return sheet[GAP : GAP + CELL // 2, left : left + CELL]


def is_close(pixel: np.ndarray, color: tuple[int, ...]) -> bool:
    return bool(np.abs(pixel - color).max() < 90)  # JPEG blurs lines of two pixels


def test_originals_are_left_and_examples_right_with_their_boxes(tmp_path: Path) -> None:
    """Mirrored, white is left; the box of a cyclist in the color of class 3 goes along."""
    (sheet,) = sheets(
        tmp_path,
        "random_horizontal_flip { probability: 1 }",
        boxes=[(0.25, 0.25, 0.75, 0.5)],
        names=["Cyclist"],
    )

    color = tuple(int(COLORS[2][place : place + 2], 16) for place in (1, 3, 5))
    original, *examples = (cell(sheet, column) for column in range(4))
    assert is_close(original[5, 5], (0, 0, 0))
    assert is_close(original[5, -5], (255, 255, 255))
    # Columns 20 to 40 of 80 are 80 to 160 of 320, mirrored 160 to 240.
    assert is_close(original[80, 81], color)
    for example in examples:
        assert is_close(example[5, 5], (255, 255, 255))
        assert is_close(example[5, -5], (0, 0, 0))
        assert is_close(example[80, 239], color)


def test_examples_differ_from_each_other(tmp_path: Path) -> None:
    """Three draws of one image."""
    (sheet,) = sheets(tmp_path, "random_adjust_brightness { max_delta: 0.9 }")

    # Of black and of white one is clipped, the other is not.
    assert len({tuple(cell(sheet, column)[5, [5, -5], 0]) for column in range(1, 4)}) == 3


def test_values_beyond_a_picture_are_stretched(tmp_path: Path) -> None:
    """-1 to 1 would be black all over."""
    step = "normalize_image { original_maxval: 255 target_minval: -1 }"
    (sheet,) = sheets(tmp_path, step)

    assert is_close(cell(sheet, 1)[5, -5], (255, 255, 255))
    assert is_close(cell(sheet, 1)[5, 5], (0, 0, 0))


def test_ignored_boxes_have_no_names(tmp_path: Path) -> None:
    """An outline only: beneath it the picture is as it was."""
    boxes = [(0.5, 0.25, 0.75, 0.45)]
    step = "random_horizontal_flip { probability: 0 }"
    (named,) = sheets(tmp_path, step, boxes=boxes)
    (ignored,) = sheets(tmp_path, step, boxes=boxes, is_crowd=np.array([True]))

    above = np.s_[68:78, 84:100]
    assert cell(named, 0)[above].max() > 100
    assert cell(ignored, 0)[above].max() < 60
    assert cell(ignored, 0)[80, 90].max() > 100


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        ("", "train_config.data_augmentation_options is empty"),
        ("random_distort_color { color_ordering: 3 }", "3 is not supported"),
    ],
)
def test_steps_that_cannot_be_drawn(tmp_path: Path, steps: str, what: str) -> None:
    """None, or one that the engine refuses: by path, with a remedy."""
    with pytest.raises(ConfigError, match=what):
        sheets(tmp_path, steps)


def test_an_image_that_is_none_is_named(tmp_path: Path) -> None:
    """File and number of its record."""
    with pytest.raises(DataError, match=r"train\.record: record 0: its image cannot be decoded"):
        sheets(tmp_path, "random_horizontal_flip {}", image=b"no image")
