"""What each resizer makes of an image, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

from odapi_runner.pipeline.resized import resize
from odapi_runner.proto.messages import message_class

KEEP = "keep_aspect_ratio_resizer"


@pytest.mark.parametrize(
    ("text", "size", "image", "input_"),
    [
        ("fixed_shape_resizer { height: 300 width: 200 }", (375, 1242), (300, 200), (300, 200)),
        # 512 / 1242 = 0.4122 of 375 is 154.6.
        (
            f"{KEEP} {{ min_dimension: 512 max_dimension: 512 pad_to_max_dimension: true }}",
            (375, 1242),
            (155, 512),
            (512, 512),
        ),
        # 800 / 480 makes 1067 of 640, which is below 1333; of 1000 it would make 1667.
        (
            f"{KEEP} {{ min_dimension: 800 max_dimension: 1333 }}",
            (480, 640),
            (800, 1067),
            (800, 1067),
        ),
        (
            f"{KEEP} {{ min_dimension: 800 max_dimension: 1333 }}",
            (1000, 480),
            (1333, 640),
            (1333, 640),
        ),
        ("identity_resizer { }", (375, 1242), (375, 1242), (375, 1242)),
        ("pad_to_multiple_resizer { multiple: 32 }", (375, 1242), (375, 1242), (384, 1248)),
        # 300 of 600 is half; an image below 300 stays.
        ("conditional_shape_resizer { }", (600, 401), (300, 200), (300, 200)),
        ("conditional_shape_resizer { }", (299, 100), (299, 100), (299, 100)),
        (
            "conditional_shape_resizer { condition: SMALLER size_threshold: 300 }",
            (100, 150),
            (300, 450),
            (300, 450),
        ),
        (
            "conditional_shape_resizer { condition: SMALLER size_threshold: 300 }",
            (301, 400),
            (301, 400),
            (301, 400),
        ),
    ],
)
def test_sizes(
    text: str, size: tuple[int, int], image: tuple[int, int], input_: tuple[int, int]
) -> None:
    """Height and width of the image, and of the input with its padding."""
    resizer = text_format.Parse(text, message_class("ImageResizer")())

    found = resize(resizer, np.array([size]))

    assert found is not None
    assert [tuple(sizes[0]) for sizes in found] == [image, input_]


def test_without_a_resizer_there_is_no_size() -> None:
    """None rather than a guess."""
    assert resize(message_class("ImageResizer")(), np.array([[1, 1]])) is None
