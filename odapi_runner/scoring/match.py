"""Which detection finds which box, by COCO's rules, at any number of overlaps at once.

The surest detection of a group chooses first: among the boxes of its image and class that it
overlaps enough and that nobody has taken, the one that it overlaps most, the later one of equals.
A box to be ignored is chosen only where no other is left; a crowd is never taken.

    matches = match(groundtruth, found)
    matches.is_right[0]            # which detections are right at an IoU of 0.50
    matches.groundtruth[5]         # the box that each has found at 0.75, -1: none
    matches.find_missed(groundtruth)[0]  # which boxes nobody has found

Groups are independent: what is matched on one image is the same in any choice of images.

Source: pycocotools' cocoeval.py (`evaluateImg`). faster-coco-eval matches in the same way, but
keeps to itself what it has matched, hence this module; tests hold both to the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.greedy import choose_in_turn
from odapi_runner.scoring.pairs import COCO_LIMIT, Pairs, Ranked, find_pairs, rank_detections

COCO_THRESHOLDS = tuple(
    np.linspace(0.5, 0.95, 10).tolist()
)  # as COCOeval has them, to the last bit
_NEARLY_ONE = 1 - 1e-10  # COCO's bound: of boxes that are equal but for rounding


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of n detections at T overlaps, with m boxes of groundtruth.

    Attributes:
        thresholds: the T overlaps from which on a box counts as found.
        counted: bool [n], whether a detection was looked at: of a known class, within the limit.
        groundtruth: int32 [T, n], the index of the box that it has found; -1: none.
        ignored: bool [T, n], neither right nor wrong: what it has found is to be ignored.
    """

    thresholds: tuple[float, ...]
    counted: NDArray[np.bool_]
    groundtruth: NDArray[np.int32]
    ignored: NDArray[np.bool_]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Which detections have found a box, bool [T, n]: COCO's true positives."""
        return (self.groundtruth >= 0) & ~self.ignored

    @property
    def is_wrong(self) -> NDArray[np.bool_]:
        """Which have found none, bool [T, n]: COCO's false positives."""
        return (self.groundtruth < 0) & self.counted & ~self.ignored

    def find_missed(self, groundtruth: GroundTruth) -> NDArray[np.bool_]:
        """Which boxes, crowds aside, nobody has found, bool [T, m]."""
        missed = np.repeat(~groundtruth.is_crowd[None], len(self.thresholds), axis=0)
        level, detection = np.nonzero(self.groundtruth >= 0)
        missed[level, self.groundtruth[level, detection]] = False
        return missed


def match(
    groundtruth: GroundTruth,
    found: Found,
    *,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    by_class: bool = True,
    limit: int | None = COCO_LIMIT,
) -> Matches:
    """Match all detections.

    Args:
        groundtruth: what is to be found; crowds are ignored.
        found: the detections, for example a `formats.detections.Detections`. To look at some of
            them only, those above a score for one, give `found.keep(found.scores >= score)`.
        thresholds: the overlaps at which to match.
        by_class: match within a class; else the class plays no part.
        limit: how many detections of a class on an image are looked at, or of an image where
            classes play no part; None: all.
    """
    ranked = rank_detections(groundtruth, found, by_class=by_class, limit=limit)
    pairs = find_pairs(
        groundtruth, found, ranked, by_class=by_class, at_least=min(*thresholds, _NEARLY_ONE)
    )
    return match_pairs(ranked, pairs, thresholds, groundtruth.is_crowd, groundtruth.is_crowd)


def match_pairs(
    ranked: Ranked,
    pairs: Pairs,
    thresholds: Sequence[float],
    is_crowd: NDArray[np.bool_],
    is_ignored: NDArray[np.bool_],
) -> Matches:
    """Match by overlaps that are known.

    Args:
        ranked: the order of the detections.
        pairs: their overlaps, all of those that reach the lowest threshold.
        thresholds: the overlaps at which to match.
        is_crowd: bool [m], boxes that any number of detections may find.
        is_ignored: bool [m], boxes that are neither to be found nor wrong to find; crowds too.
    """
    order = _by_preference(ranked, pairs, is_ignored)
    detection = pairs.detection[order]
    bounds = np.minimum(np.array(thresholds), _NEARLY_ONE)[:, None]
    chosen = choose_in_turn(
        ranked.rank[detection],  # detections of one rank are of different groups
        detection,
        pairs.groundtruth[order],
        pairs.iou[order] >= bounds,
        choosers=len(ranked.rank),
        shared=is_crowd,
    )
    ignored = (chosen >= 0) & _take(is_ignored, chosen)
    return Matches(tuple(thresholds), ranked.rank >= 0, chosen, ignored)


def _by_preference(
    ranked: Ranked, pairs: Pairs, is_ignored: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Pairs by rank and detection, and there the one last that is preferred to all before."""
    keys = (
        pairs.groundtruth,
        pairs.iou,
        ~is_ignored[pairs.groundtruth],
        pairs.detection,
        ranked.rank[pairs.detection],
    )
    return np.lexsort(keys)


def _take(values: NDArray[Any], places: NDArray[np.int32]) -> NDArray[Any]:
    """The value at each place, and that at none whatever it be."""
    return values[places] if len(values) else np.zeros(places.shape, values.dtype)
