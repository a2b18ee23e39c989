"""From predictions to detections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """A function given by its points, straight between them and level beyond; x rises."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """From logits to scores: divide, convert, calibrate."""

    converter: str  # IDENTITY, SIGMOID or SOFTMAX
    logit_scale: float
    temperature: float
    curve: Curve | None  # of all slots
    slot_curves: tuple[tuple[int, Curve], ...]  # of some slots, the background's counted


@dataclass(frozen=True, slots=True)
class Nms:
    """Non-maximum suppression: what suppresses what, and how much is left."""

    score_threshold: float
    iou_threshold: float
    max_per_class: int
    max_total: int
    class_agnostic: bool  # whether a box is of its best class alone, and suppresses all others
    soft_sigma: float  # overlap lowers scores, the less the larger this is; 0: it removes
    static_shapes: bool  # another arithmetic of overlaps (`suppression/overlap.py`)
    combined: bool  # whether what lies outside the image is kept
    image_frame: bool  # whether boxes are given in units of the image, not of the padded input
