"""How boxes are written, compared and matched with anchors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FasterRcnnCoder:
    """Offset of the centre and logarithm of the size, each times its factor, in that order."""

    code_size: ClassVar[int] = 4
    y: float
    x: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class SquareCoder:
    """As Faster R-CNN's, with one length for both sides."""

    code_size: ClassVar[int] = 3
    y: float
    x: float
    length: float


@dataclass(frozen=True, slots=True)
class MeanStddevCoder:
    """Distances of the corners, by `stddev`."""

    code_size: ClassVar[int] = 4
    stddev: float


BoxCoder = FasterRcnnCoder | SquareCoder | MeanStddevCoder


@dataclass(frozen=True, slots=True)
class Iou:
    """Intersection over union."""


@dataclass(frozen=True, slots=True)
class Ioa:
    """Intersection over the anchor's area."""


@dataclass(frozen=True, slots=True)
class NegativeSquaredDistance:
    """Of the four corners' coordinates."""


@dataclass(frozen=True, slots=True)
class ThresholdedIou:
    """1 where the intersection over union is above `threshold`, else 0."""

    threshold: float


Similarity = Iou | Ioa | NegativeSquaredDistance | ThresholdedIou


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Which anchors are positive, negative or ignored, by their best similarity."""

    matched: float
    unmatched: float
    negatives_below_unmatched: bool


@dataclass(frozen=True, slots=True)
class Matcher:
    """Each anchor is matched with the box most like it; without thresholds however little."""

    thresholds: Thresholds | None
    force_match: bool
