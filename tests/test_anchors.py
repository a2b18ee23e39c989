"""Anchors, against places and sizes worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from odapi_runner.anchors import (
    AnchorGrid,
    FlexibleAnchors,
    MultiscaleAnchors,
    SsdAnchors,
    anchors_per_location,
    generate_anchors,
    multiscale_anchors,
)

D0 = MultiscaleAnchors(
    min_level=3,
    max_level=7,
    anchor_scale=4.0,
    aspect_ratios=(1.0, 2.0, 0.5),
    scales_per_octave=3,
    normalize=True,
)
D0_SIZES = [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]

# Of one place, by aspect ratio (width / height), then by scale: the side of a level's square is
# 4 * stride; scales are 2^0, 2^(1/3), 2^(2/3); a ratio r gives height side / sqrt r, width
# side * sqrt r. Here for level 3, stride 8, side 32, in pixels.
OCTAVE = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
HEIGHTS = [32 * scale / math.sqrt(ratio) for ratio in (1.0, 2.0, 0.5) for scale in OCTAVE]
WIDTHS = [32 * scale * math.sqrt(ratio) for ratio in (1.0, 2.0, 0.5) for scale in OCTAVE]


def centers_and_sizes(boxes: np.ndarray) -> np.ndarray:
    """[n, 4] (y, x, height, width)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def test_the_number_of_anchors_of_efficientdet_d0() -> None:
    """9 at each of 64² + 32² + 16² + 8² + 4² = 5456 places."""
    found = multiscale_anchors(D0, D0_SIZES, (512, 512))

    assert D0.per_location == 9
    assert found.shape == (49104, 4)
    assert found.dtype == np.float32


def test_the_first_place_of_efficientdet_d0() -> None:
    """Centre (4, 4) px: the middle of the first cell of 8 px; nothing is clipped."""
    found = multiscale_anchors(D0, D0_SIZES, (512, 512))[:9] * 512

    expected = [(4, 4, height, width) for height, width in zip(HEIGHTS, WIDTHS, strict=True)]
    assert centers_and_sizes(found) == pytest.approx(np.array(expected), rel=1e-5)
    # The first one in full: a square of 32 px about (4, 4).
    assert found[0] == pytest.approx([-12, -12, 20, 20])
    # The fourth: ratio 2 is twice as wide as high, 22.627 x 45.255.
    assert found[3] == pytest.approx([4 - 11.3137, 4 - 22.6274, 4 + 11.3137, 4 + 22.6274], rel=1e-5)


@pytest.mark.parametrize(
    ("row", "center_yx", "side"),
    [
        (9, (4, 12), 32),  # the next place lies to the right: rows of the map come first
        (64 * 9, (12, 4), 32),  # the second row of level 3
        (64 * 64 * 9 - 9, (508, 508), 32),  # its last place
        (64 * 64 * 9, (8, 8), 64),  # the first of level 4: stride 16
        (64 * 64 * 9 + 9 * 33, (24, 24), 64),  # row 1, column 1 of 32
        (49104 - 16 * 9, (64, 64), 512),  # the first of level 7: stride 128
        (49104 - 9, (448, 448), 512),  # the last place of all
    ],
)
def test_other_places_of_efficientdet_d0(row: int, center_yx: tuple[int, int], side: int) -> None:
    """Levels from the finest, each row-major; the square of the first scale at each place."""
    found = multiscale_anchors(D0, D0_SIZES, (512, 512)) * 512

    assert centers_and_sizes(found)[row] == pytest.approx([*center_yx, side, side], rel=1e-5)


def test_without_normalizing_they_are_pixels() -> None:
    """The same anchors, not divided by the input's sides."""
    one = MultiscaleAnchors(3, 3, 1.0, (1.0,), 1, normalize=False)

    found = multiscale_anchors(one, [(1, 2)], (8, 16))

    assert found.tolist() == [[0, 0, 8, 8], [0, 8, 8, 16]]
    normalized = multiscale_anchors(dataclasses.replace(one, normalize=True), [(1, 2)], (8, 16))
    assert normalized.tolist() == [[0, 0, 1, 0.5], [0, 0.5, 1, 1]]


def test_centers_lie_on_the_corner_where_cells_do_not_fill_the_image() -> None:
    """The Object Detection API shifts by half a stride only where the stride divides the side."""
    one = MultiscaleAnchors(3, 3, 1.0, (1.0,), 1, normalize=False)

    found = multiscale_anchors(one, [(2, 2)], (10, 16))

    # Rows start at 0, since 8 does not divide 10; columns at 4.
    assert centers_and_sizes(found)[:, :2].tolist() == [[0, 4], [0, 12], [8, 4], [8, 12]]


def test_each_level_has_a_size() -> None:
    """A pyramid of another height than the spec's is a mistake of the caller."""
    with pytest.raises(ValueError, match="zip"):
        multiscale_anchors(D0, D0_SIZES[:4], (512, 512))


# ssd_mobilenet_v2 at 300: six scales evenly from 0.2 to 0.95.
V2 = SsdAnchors(
    scales=(0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0),
    aspect_ratios=(1.0, 2.0, 0.5, 3.0, 1 / 3),
    interpolated_ratio=1.0,
    reduce_lowest=True,
)
V2_SIZES = [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]


def around(center: tuple[float, float], height: float, width: float) -> list[float]:
    y, x = center
    return [y - height / 2, x - width / 2, y + height / 2, x + width / 2]


def test_the_anchors_of_ssd() -> None:
    """Three on the finest map, on the others one a ratio and an interpolated one."""
    boxes = generate_anchors(V2, V2_SIZES, (300, 300))
    first, second, root2 = (0.5 / 19, 0.5 / 19), (0.05, 0.05), math.sqrt(2)

    assert anchors_per_location(V2) == (3, 6, 6, 6, 6, 6)
    assert boxes.shape == (1917, 4)
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes[0], around(first, 0.1, 0.1), atol=1e-6)
    np.testing.assert_allclose(boxes[1], around(first, 0.2 / root2, 0.2 * root2), atol=1e-6)
    np.testing.assert_allclose(boxes[2], around(first, 0.2 * root2, 0.2 / root2), atol=1e-6)
    np.testing.assert_allclose(boxes[3], around((0.5 / 19, 1.5 / 19), 0.1, 0.1), atol=1e-6)
    np.testing.assert_allclose(boxes[1083], around(second, 0.35, 0.35), atol=1e-6)
    between = math.sqrt(0.35 * 0.5)
    np.testing.assert_allclose(boxes[1088], around(second, between, between), atol=1e-6)
    last = math.sqrt(0.95 * 1.0)
    np.testing.assert_allclose(boxes[1916], around((0.5, 0.5), last, last), atol=1e-6)


def test_the_anchors_of_ssd_in_a_wide_image() -> None:
    """Base sizes are of the shorter side, strides and offsets are pixels."""
    spec = SsdAnchors(
        scales=(0.5, 1.0),
        aspect_ratios=(1.0,),
        interpolated_ratio=0.0,
        reduce_lowest=False,
        base_hw=(1.0, 2.0),
        strides_hw=((50, 40),),
        offsets_hw=((25, 10),),
    )
    boxes = generate_anchors(spec, [(2, 2)], (100, 200))

    assert anchors_per_location(spec) == (1,)
    expected = [
        around((25 / 100, 10 / 200), 0.5, 0.5),
        around((25 / 100, 50 / 200), 0.5, 0.5),
        around((75 / 100, 10 / 200), 0.5, 0.5),
        around((75 / 100, 50 / 200), 0.5, 0.5),
    ]
    np.testing.assert_allclose(boxes, expected, atol=1e-6)


def test_anchors_listed_map_by_map() -> None:
    """A size belongs to the ratio in its place; all is in pixels of the input."""
    spec = FlexibleAnchors(
        (
            AnchorGrid((10.0, 20.0), (1.0, 4.0), stride_hw=(16, 32), offset_hw=(8, 0)),
            AnchorGrid((100.0,), (1.0,), stride_hw=(64, 64), offset_hw=(0, 0)),
        )
    )
    boxes = generate_anchors(spec, [(1, 2), (1, 1)], (100, 200))

    assert anchors_per_location(spec) == (2, 1)
    expected = [[3, -5, 13, 5], [3, -20, 13, 20], [3, 27, 13, 37], [3, 12, 13, 52]]
    expected.append([-50, -50, 50, 50])
    np.testing.assert_allclose(boxes * [100, 200, 100, 200], expected, atol=1e-4)
