"""From predictions to detections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nms:
    """Non-maximum suppression by class, and the score converter in front of it."""

    score_converter: str
    logit_scale: float
    score_threshold: float
    iou_threshold: float
    max_per_class: int
    max_total: int
