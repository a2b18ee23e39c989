"""The overlap of masks, where boxes are not what is measured.

A mask is COCO's run-length encoding: {"size": [height, width], "counts": bytes or text}, as
`pycocotools.mask.encode` and COCO's result files have it.

Source: pycocotools' cocoeval.py (`computeIoU`) and maskApi.c (`rleIou`), in faster-coco-eval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import GroundTruth
from odapi_runner.scoring.pairs import Pairs, Ranked, pairs_of_group

Rle = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Masks:
    """A mask for each box."""

    wanted: Sequence[Rle]  # m, of the groundtruth
    found: Sequence[Rle]  # n, of the detections


def find_mask_pairs(
    groundtruth: GroundTruth, masks: Masks, ranked: Ranked, *, at_least: float = 0.5
) -> Pairs:
    """All pairs of a class on an image whose masks overlap at least so much."""
    from faster_coco_eval.core import mask

    detections, boxes, overlaps = [], [], []
    for detection, box in pairs_of_group(groundtruth, ranked):
        begins = np.flatnonzero(np.diff(detection, prepend=-1))
        parts = zip(detection[begins].tolist(), np.split(box, begins[1:]), strict=True)
        rows = [
            mask.iou(
                [masks.found[one]],
                [masks.wanted[other] for other in others.tolist()],
                groundtruth.is_crowd[others].astype(int).tolist(),
            )[0]
            for one, others in parts
        ]
        iou = np.concatenate([np.zeros(0), *rows])
        kept = iou >= at_least
        detections.append(detection[kept])
        boxes.append(box[kept])
        overlaps.append(iou[kept])
    none = np.zeros(0, np.int64)
    return Pairs(
        np.concatenate([none, *detections]),
        np.concatenate([none, *boxes]),
        np.concatenate([np.zeros(0), *overlaps]),
    )


def mask_areas(masks: Sequence[Rle]) -> NDArray[np.float64]:
    """Pixels of each mask, float64 [n]."""
    from faster_coco_eval.core import mask

    return np.asarray(mask.area(list(masks)), np.float64).reshape(-1)
