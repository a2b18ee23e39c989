"""Pascal VOC's average precision, of 2007 (11 recalls) and of 2010 to 2012 (the whole curve).

Each detection, the surest first, is held against the one box of its class that it overlaps most,
even where that is taken: a second detection of a box is wrong, whatever else it overlaps. Boxes
that are marked difficult need not be found.

VOC counts pixels from 1 and the last one as inside, so boxes there are a pixel larger on each side
than their coordinates differ; here as in the Object Detection API they are what they are.

Source: VOC devkit, VOCcode/VOCevaldet.m and VOCap.m; object_detection/utils/
per_image_evaluation.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.curves import ClassOutcomes, class_outcomes
from odapi_runner.scoring.match import Matches
from odapi_runner.scoring.pairs import Pairs, Ranked, find_pairs, rank_detections

OVERLAP: Final = 0.5

# The devkit's 0:0.1:1, which is 0.30000000000000004 where it says 0.3.
_RECALLS: Final = np.arange(11) * 0.1


@dataclass(frozen=True, slots=True)
class VocPrecision:
    """Average precision of one class, or the mean of classes; -1: nothing to be found."""

    voc2007: float
    voc2012: float


def evaluate_voc(groundtruth: GroundTruth, found: Found) -> dict[str, VocPrecision]:
    """Average precision of each class by its name, in the order of the label map.

    Args:
        groundtruth: what is to be found; difficult boxes need not be, and what lies in a crowd is
            neither right nor wrong.
        found: the detections, all of which count.
    """
    ranked = rank_detections(groundtruth, found, limit=None)
    pairs = find_pairs(groundtruth, found, ranked, at_least=OVERLAP)
    optional = groundtruth.is_crowd
    if groundtruth.difficult is not None:
        optional = optional | groundtruth.difficult
    matches = _match(groundtruth, found, ranked, pairs, optional)
    outcomes = {
        one.class_id: one
        for one in class_outcomes(groundtruth, found, ranked, matches, is_ignored=optional)
    }
    named = zip(groundtruth.class_names.tolist(), groundtruth.class_ids.tolist(), strict=True)
    return {name: _average_precision(outcomes[number]) for name, number in named}


def mean_precision(classes: dict[str, VocPrecision]) -> VocPrecision:
    """The mean of the classes of which something is to be found."""
    known = [one for one in classes.values() if one.voc2012 >= 0]
    if not known:
        return VocPrecision(-1.0, -1.0)
    return VocPrecision(
        float(np.mean([one.voc2007 for one in known])),
        float(np.mean([one.voc2012 for one in known])),
    )


def _match(
    groundtruth: GroundTruth,
    found: Found,
    ranked: Ranked,
    pairs: Pairs,
    optional: NDArray[np.bool_],
) -> Matches:
    of_crowd = groundtruth.is_crowd[pairs.groundtruth]
    chosen = np.full(len(ranked.rank), -1, np.int32)
    # Of equal overlaps the first box: written last, it stays.
    order = np.lexsort((-pairs.groundtruth, pairs.iou))
    order = order[~of_crowd[order]]
    chosen[pairs.detection[order]] = pairs.groundtruth[order]
    sure = np.lexsort((ranked.rank, found.image, -found.scores))
    sure = sure[chosen[sure] >= 0]
    _, first = np.unique(chosen[sure], return_index=True)
    is_first = np.zeros(len(chosen), np.bool_)
    is_first[sure[first]] = True
    on_optional = (chosen >= 0) & np.append(optional, False)[chosen]
    in_crowd = np.zeros(len(chosen), np.bool_)
    in_crowd[pairs.detection[of_crowd]] = True
    ignored = on_optional | (in_crowd & (chosen < 0))
    kept = np.where(is_first | on_optional, chosen, -1).astype(np.int32)
    return Matches((OVERLAP,), ranked.rank >= 0, kept[None], ignored[None])


def _average_precision(outcomes: ClassOutcomes) -> VocPrecision:
    if not outcomes.wanted.any():
        return VocPrecision(-1.0, -1.0)
    precision, recall = outcomes.curve(0)
    best = np.maximum.accumulate(np.append(precision, 0.0)[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS)
    steps = np.diff(recall, prepend=0.0)
    return VocPrecision(float(best[at].mean()), float((steps * best[:-1]).sum()))
