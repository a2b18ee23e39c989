"""How boxes are written, and matched with anchors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoxCodeScale:
    """The four factors of the Faster R-CNN box coder, in the order of its codes."""

    y: float
    x: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which anchors are positive, negative or ignored, by their best IoU."""

    matched_threshold: float
    unmatched_threshold: float
    negatives_below_unmatched: bool
    force_match: bool
