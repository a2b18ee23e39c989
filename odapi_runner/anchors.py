"""Anchors: the arithmetic that `check` and the engine share.

Source: object_detection/anchor_generators/, `multiscale_grid_anchor_generator.py` and its like.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


@dataclass(frozen=True, slots=True)
class SsdAnchors:
    """The default boxes of SSD: one scale for each feature map, in units of the shorter side."""

    scales: tuple[float, ...]  # of each map, finest first, and one more to interpolate towards
    aspect_ratios: tuple[float, ...]  # width / height
    # Of one more box, of a scale between this map's and the next one's; 0: none.
    interpolated_ratio: float
    reduce_lowest: bool  # only three boxes on the finest map
    base_hw: tuple[float, float] = (1.0, 1.0)
    # In pixels, of each map; None: the map spans the image, centres lie in the middle of a cell.
    strides_hw: tuple[tuple[int, int], ...] | None = None
    offsets_hw: tuple[tuple[int, int], ...] | None = None

    def shapes(self) -> list[list[tuple[float, float]]]:
        """The boxes at a place of each map: scale and aspect ratio."""
        shapes = []
        for level, (scale, following) in enumerate(pairwise(self.scales)):
            if level == 0 and self.reduce_lowest:
                shapes.append([(0.1, 1.0), (scale, 2.0), (scale, 0.5)])
                continue
            boxes = [(scale, ratio) for ratio in self.aspect_ratios]
            if self.interpolated_ratio > 0:
                boxes.append((math.sqrt(scale * following), self.interpolated_ratio))
            shapes.append(boxes)
        return shapes


@dataclass(frozen=True, slots=True)
class AnchorGrid:
    """The anchors of one feature map, in pixels: a size for each aspect ratio."""

    sizes: tuple[float, ...]
    aspect_ratios: tuple[float, ...]  # width / height
    stride_hw: tuple[int, int]
    offset_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FlexibleAnchors:
    """Anchors listed map by map, finest first."""

    grids: tuple[AnchorGrid, ...]


Anchors = MultiscaleAnchors | SsdAnchors | FlexibleAnchors


def anchors_per_location(spec: Anchors) -> tuple[int, ...]:
    """How many anchors lie at one place of each feature map, finest first."""
    if isinstance(spec, MultiscaleAnchors):
        return (spec.per_location,) * (spec.max_level - spec.min_level + 1)
    if isinstance(spec, SsdAnchors):
        return tuple(len(boxes) for boxes in spec.shapes())
    return tuple(len(grid.sizes) for grid in spec.grids)


def generate_anchors(
    spec: Anchors, feature_sizes_hw: Sequence[tuple[int, int]], image_size_hw: tuple[int, int]
) -> NDArray[np.float32]:
    """The anchors of all feature maps, in the order of the predictions.

    Args:
        spec: what the config says.
        feature_sizes_hw: height and width of each feature map, finest first.
        image_size_hw: height and width of the network's input in pixels.

    Returns:
        float32 [A, 4], (ymin, xmin, ymax, xmax), in units of the input's height and width (of
        MultiscaleAnchors only where they normalize). Row-major over the map, then as listed. Not
        clipped to the image.
    """
    if isinstance(spec, MultiscaleAnchors):
        return multiscale_anchors(spec, feature_sizes_hw, image_size_hw)
    if isinstance(spec, SsdAnchors):
        return _ssd_anchors(spec, feature_sizes_hw, image_size_hw)
    height, width = image_size_hw
    boxes = [
        _tile(
            size,
            np.array(grid.sizes)[:, None] * _sides(grid.aspect_ratios),
            grid.stride_hw,
            grid.offset_hw,
        )
        for size, grid in zip(feature_sizes_hw, spec.grids, strict=True)
    ]
    unit = np.array([height, width, height, width])
    return np.asarray(np.concatenate(boxes) / unit, np.float32)


def _ssd_anchors(
    spec: SsdAnchors, feature_sizes_hw: Sequence[tuple[int, int]], image_size_hw: tuple[int, int]
) -> NDArray[np.float32]:
    image = np.array(image_size_hw, np.float64)
    base = np.array(spec.base_hw) * image.min() / image
    boxes = []
    for level, (size, shapes) in enumerate(zip(feature_sizes_hw, spec.shapes(), strict=True)):
        scales, ratios = zip(*shapes, strict=True)
        stride = 1 / np.array(size) if spec.strides_hw is None else spec.strides_hw[level] / image
        offset = stride / 2 if spec.offsets_hw is None else spec.offsets_hw[level] / image
        sides = np.array(scales)[:, None] * _sides(ratios) * base
        boxes.append(_tile(size, sides, stride, offset))
    return np.concatenate(boxes).astype(np.float32)


def _sides(aspect_ratios: Sequence[float]) -> NDArray[np.float64]:
    """Height and width of boxes of area 1: float64 [N, 2]."""
    roots = np.sqrt(np.array(aspect_ratios, np.float64))
    return np.stack([1 / roots, roots], axis=1)


def _tile(
    grid_hw: tuple[int, int],
    sides: NDArray[np.float64],
    stride: ArrayLike,
    offset: ArrayLike,
) -> NDArray[np.float64]:
    """Boxes of heights and widths `sides` [N, 2] around each place: [rows * columns * N, 4]."""
    places = np.stack(np.meshgrid(*map(np.arange, grid_hw), indexing="ij"), axis=-1)
    centers = (places * np.asarray(stride) + np.asarray(offset)).reshape(-1, 1, 2)
    return np.concatenate([centers - sides / 2, centers + sides / 2], axis=-1).reshape(-1, 4)


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
    sides = _sides(spec.aspect_ratios)[:, None] * scales[:, None] * stride * spec.anchor_scale
    # Centres lie in the middle of a cell only where the image holds whole cells.
    offset = [stride / 2 if side % stride == 0 else 0.0 for side in image_size_hw]
    return _tile(feature_size_hw, sides.reshape(-1, 2), stride, offset).astype(np.float32)
