"""Errors by kind, and how much average precision each kind costs: TIDE's six.

cls   a box on an object of another class           both  a box beside an object of another class
loc   a box beside an object of its class           bkg   a box on nothing
dupe  a second box on an object that is found       miss  an object that no box is on or beside

"On" is an IoU of 0.5 or more, "beside" one from 0.1 on. What a kind costs is by how much AP_50
would rise if an oracle mended it: `cls` gets the right class and `loc` the right place, the surest
of both for each object that is not found yet; other boxes vanish; a missed object need not be
found.

Source: Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (2020),
section 2; the order in which the kinds are tried is that of tidecv/quantify.py (`_eval_image`).
Here, as in COCO, the limit of 100 detections is that of a class on an image, and a class without
objects has no average precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.curves import ClassOutcomes, precision_at_recalls
from odapi_runner.scoring.match import Matches
from odapi_runner.scoring.pairs import Pairs

KINDS = ("cls", "loc", "both", "dupe", "bkg", "miss")
ON, BESIDE = 0.5, 0.1

_NONE = -1


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors of one checkpoint.

    Attributes:
        kind: int8 [n], of each detection, the place in `KINDS`; -1: right, or not looked at.
        object: int64 [n], the index of the box that a `cls` or `loc` error is about; else -1.
        missed: bool [m], the objects of kind `miss`.
        cost: what each kind costs in AP_50, in 0..1.
        average: AP_50 as it is.
    """

    kind: NDArray[np.int8]
    object: NDArray[np.int64]
    missed: NDArray[np.bool_]
    cost: Mapping[str, float]
    average: float

    def count(self) -> dict[str, int]:
        """How many errors there are of each kind."""
        of_boxes = np.bincount(self.kind[self.kind >= 0], minlength=len(KINDS))
        return {
            kind: int(self.missed.sum()) if kind == "miss" else int(number)
            for kind, number in zip(KINDS, of_boxes, strict=True)
        }


def find_errors(groundtruth: GroundTruth, found: Found, matches: Matches, pairs: Pairs) -> Errors:
    """Sort what is wrong by its kind.

    Args:
        groundtruth: what is to be found.
        found: the detections.
        matches: which of them are right at an IoU of 0.5; thresholds beyond the first do not count.
        pairs: the overlaps from 0.1 on of boxes on one image, whatever their classes.
    """
    wrong = matches.is_wrong[0]
    unfound = matches.find_missed(groundtruth)[0]
    kind, about = _sort(groundtruth, found, wrong, pairs)
    # An object that another error is about would be found if that were mended.
    mendable = np.isin(kind, (KINDS.index("cls"), KINDS.index("loc"))) & (about >= 0)
    open_for = mendable & unfound[about]
    reached = np.zeros(len(unfound), np.bool_)
    reached[about[open_for]] = True
    missed = unfound & ~reached
    oracle = _Oracle(groundtruth, found, matches, kind, about, open_for, missed)
    average = oracle.average()
    cost = {one: max(0.0, oracle.average(one) - average) for one in KINDS}
    return Errors(kind, about, missed, cost, average)


def _sort(
    groundtruth: GroundTruth, found: Found, wrong: NDArray[np.bool_], pairs: Pairs
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The kind of each detection and the box that it is about."""
    alone = ~groundtruth.is_crowd[pairs.groundtruth] & wrong[pairs.detection]
    same = groundtruth.classes[pairs.groundtruth] == found.classes[pairs.detection]
    count = len(wrong)
    own, own_iou = _largest(pairs, alone & same, count)
    other, other_iou = _largest(pairs, alone & ~same, count)
    # Of its class it overlaps one on which it would be right, were that not taken.
    tried = {
        "loc": (own_iou >= BESIDE) & (own_iou < ON),
        "cls": other_iou >= ON,
        "dupe": own_iou >= ON,
        "both": other_iou >= BESIDE,
        "bkg": np.ones(count, np.bool_),
    }
    kind = np.full(count, _NONE, np.int8)
    for name, fits in tried.items():
        kind[fits & wrong & (kind == _NONE)] = KINDS.index(name)
    about = np.full(count, _NONE)
    for name, box in (("loc", own), ("cls", other)):
        here = kind == KINDS.index(name)
        about[here] = box[here]
    return kind, about


def _largest(
    pairs: Pairs, kept: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each detection the box that it overlaps most, the first of equals, and by how much."""
    detection, box, iou = (
        column[kept] for column in (pairs.detection, pairs.groundtruth, pairs.iou)
    )
    order = np.lexsort((-box, iou, detection))
    most, largest = np.full(count, _NONE), np.zeros(count)
    # Of one detection the last comes to stay.
    most[detection[order]] = box[order]
    largest[detection[order]] = iou[order]
    return most, largest


@dataclass(frozen=True, slots=True)
class _Oracle:
    """Knows what the average precision would be if one kind of error were mended."""

    groundtruth: GroundTruth
    found: Found
    matches: Matches
    kind: NDArray[np.int8]
    about: NDArray[np.int64]
    open_for: NDArray[np.bool_]  # [n] about an object that is not found yet
    missed: NDArray[np.bool_]

    def average(self, mended: str | None = None) -> float:
        """AP_50 over the classes that have objects."""
        truth, found = self.groundtruth, self.found
        kept = self.matches.counted & ~self.matches.ignored[0]
        right, classes = self.matches.is_right[0].copy(), found.classes.copy()
        wanted = ~truth.is_crowd
        if mended == "miss":
            wanted = wanted & ~self.missed
        elif mended is not None:
            errors = self.kind == KINDS.index(mended)
            saved = errors & self._savable()
            kept = kept & (~errors | saved)
            right[saved] = True
            classes[saved] = truth.classes[self.about[saved]]
        precision = []
        for number in np.unique(truth.classes[~truth.is_crowd]).tolist():
            own = kept & (classes == number)
            objects = int((wanted & (truth.classes == number)).sum())
            precision.append(_average(number, found.scores[own], right[own], objects))
        return float(np.mean(precision)) if precision else 0.0

    def _savable(self) -> NDArray[np.bool_]:
        """The surest `cls` or `loc` error for each object that is not found yet, bool [n].

        Where the surest is of one kind, mending the other does not find that object: so does TIDE.
        """
        candidates = np.flatnonzero(self.open_for)
        by_score = candidates[np.argsort(-self.found.scores[candidates], kind="stable")]
        _, first = np.unique(self.about[by_score], return_index=True)
        savable = np.zeros(len(self.kind), np.bool_)
        savable[by_score[first]] = True
        return savable


def _average(
    number: int, scores: NDArray[np.floating[Any]], right: NDArray[np.bool_], objects: int
) -> float:
    """The average precision of one class, all its images as one; 0 with nothing to be found."""
    order = np.argsort(-scores, kind="stable")
    image = np.zeros(len(scores), np.int64)
    outcomes = ClassOutcomes(
        class_id=number,
        image=image,
        rank=np.arange(len(scores)),
        scores=scores[order],
        right=right[order][None],
        wrong=~right[order][None],
        wanted=np.array([objects]),
    )
    return float(precision_at_recalls(outcomes)[0, 0].mean()) if objects else 0.0
