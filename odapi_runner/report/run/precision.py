"""Precision over recall of each class, where a box counts from one overlap on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import GroundTruth
from odapi_runner.scoring.curves import ClassOutcomes, precision_at_recalls


@dataclass(frozen=True, slots=True)
class ClassCurve:
    """Precision over recall of one class.

    Attributes:
        name: of the class.
        objects: how many there are to be found.
        precision: float64 [101], the best that is reached at a recall of 0, 0.01, …, 1 or more.
    """

    name: str
    objects: int
    precision: NDArray[np.float64]

    @property
    def average(self) -> float:
        """Average precision: COCO's at this overlap."""
        return float(self.precision.mean())


def build_class_curves(
    groundtruth: GroundTruth, outcomes: Sequence[ClassOutcomes], level: int = 0
) -> list[ClassCurve]:
    """The curve of each class that has objects, in the order of the label map.

    Args:
        groundtruth: for the names of the classes.
        outcomes: what became of the detections of each class.
        level: at which of their overlaps.
    """
    by_class = {one.class_id: one for one in outcomes}
    named = zip(groundtruth.class_ids.tolist(), groundtruth.class_names.tolist(), strict=True)
    return [
        ClassCurve(name, int(own.wanted.sum()), precision_at_recalls(own)[0, level])
        for number, name in named
        if (own := by_class[number]).wanted.any()
    ]
