"""Anchors: the arithmetic that `check` and the engine share.

Source: object_detection/anchor_generators/{multiscale_grid,grid}_anchor_generator.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MultiscaleAnchors:
    """A grid of anchors for each pyramid level, of sizes in proportion to its stride."""

    min_level: int
    max_level: int
    anchor_scale: float
    aspect_ratios: tuple[float, ...]  # width / height
    scales_per_octave: int
    normalize: bool

    @property
    def per_location(self) -> int:
        """Anchors at one place of a feature map: by aspect ratio, then by scale."""
        return len(self.aspect_ratios) * self.scales_per_octave


def multiscale_anchors(
    spec: MultiscaleAnchors,
    feature_sizes_hw: Sequence[tuple[int, int]],
    image_size_hw: tuple[int, int],
) -> NDArray[np.float32]:
    """The anchors of all levels, in the order of the predictions.

    Args:
        spec: what the config says.
        feature_sizes_hw: height and width of each level's feature map, finest first.
        image_size_hw: height and width of the network's input in pixels.

    Returns:
        float32 [A, 4], (ymin, xmin, ymax, xmax); in units of the input's height and width where
        `spec.normalize`, else pixels. A = sum over levels of height * width * per_location;
        row-major over the map, then aspect ratios, then scales. Not clipped to the image.
    """
    levels = range(spec.min_level, spec.max_level + 1)
    boxes = np.concatenate(
        [
            _level_anchors(spec, level, size, image_size_hw)
            for level, size in zip(levels, feature_sizes_hw, strict=True)
        ]
    )
    if spec.normalize:
        height, width = image_size_hw
        boxes = boxes / np.array([height, width, height, width], np.float32)
    return boxes.astype(np.float32)


def _level_anchors(
    spec: MultiscaleAnchors,
    level: int,
    feature_size_hw: tuple[int, int],
    image_size_hw: tuple[int, int],
) -> NDArray[np.float32]:
    stride = 2**level
    scales = np.array(
        [2 ** (octave / spec.scales_per_octave) for octave in range(spec.scales_per_octave)]
    )
    ratio_roots = np.sqrt(np.array(spec.aspect_ratios))[:, None]
    base = stride * spec.anchor_scale
    heights = (scales / ratio_roots * base).reshape(-1)
    widths = (scales * ratio_roots * base).reshape(-1)
    # Centres lie in the middle of a cell only where the image holds whole cells.
    offset_y, offset_x = (stride / 2 if side % stride == 0 else 0.0 for side in image_size_hw)
    rows, columns = feature_size_hw
    center_y = (np.arange(rows) * stride + offset_y)[:, None, None]
    center_x = (np.arange(columns) * stride + offset_x)[None, :, None]
    corners = (
        center_y - heights / 2,
        center_x - widths / 2,
        center_y + heights / 2,
        center_x + widths / 2,
    )
    grid = np.stack(np.broadcast_arrays(*corners), axis=-1)
    return grid.reshape(-1, 4).astype(np.float32)
