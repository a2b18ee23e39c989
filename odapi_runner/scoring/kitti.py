"""KITTI's average precision in images: easy, moderate and hard, of 40 recall points.

What is to be found depends on the difficulty: boxes above a height, not too occluded and not too
truncated. Other boxes of the class, and those of its neighbour (a van for a car, someone sitting
for a pedestrian), may be found and need not be, and so may what lies in a DontCare region. A
detection that is lower than the difficulty asks for is ignored, of whatever class, as there.

Precision is computed at 41 scores, those at which the recall is nearest to 0, 1/40, …, and made to
fall; the figure is the mean of the last 40.

Source: KITTI's object development kit, cpp/evaluate_object.cpp (`cleanData`, `computeStatistics`,
`getThresholds`, `eval_class`), with the 40 points of 8 October 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.greedy import choose_in_turn

# The overlap from above which a box counts as found, and the class that may be found beside it.
OVERLAPS: Final = {"car": 0.7, "pedestrian": 0.5, "cyclist": 0.5}
_NEIGHBOURS: Final = {"car": "van", "pedestrian": "person_sitting"}
_DONTCARE: Final = "dontcare"

_POINTS: Final = 41


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What is to be found: boxes higher than this, at most so occluded and so truncated."""

    name: str
    height: int  # pixels
    occluded: int
    truncated: float


DIFFICULTIES: Final = (
    Difficulty("easy", 40, 0, 0.15),
    Difficulty("moderate", 25, 1, 0.30),
    Difficulty("hard", 25, 2, 0.50),
)


@dataclass(frozen=True, slots=True)
class KittiObjects:
    """Everything that KITTI's annotations say of some images, in their order: m objects.

    Attributes:
        image: int64 [m], ascending.
        names: the class of each, in small letters; `dontcare` too.
        boxes_xyxy_px: float64 [m, 4], (xmin, ymin, xmax, ymax).
        truncated: float64 [m], 0 .. 1.
        occluded: int64 [m], 0 visible … 3 unknown.
    """

    image: NDArray[np.int64]
    names: NDArray[np.str_]
    boxes_xyxy_px: NDArray[np.float64]
    truncated: NDArray[np.float64]
    occluded: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Detected:
    """Detections that play a part for a class at a difficulty: n of them."""

    image: NDArray[np.int64]
    boxes_xyxy_px: NDArray[np.float64]
    scores: NDArray[np.float64]
    low: NDArray[np.bool_]  # [n] too low for the difficulty: ignored


@dataclass(frozen=True, slots=True)
class _Overlaps:
    """Objects and detections that overlap enough: p pairs, in the order of the objects."""

    turn: NDArray[np.int64]  # the place of the object on its image
    wanted: NDArray[np.int64]
    detected: NDArray[np.int64]
    iou: NDArray[np.float64]


def evaluate_kitti(
    groundtruth: GroundTruth, objects: KittiObjects, found: Found
) -> dict[tuple[str, str], float]:
    """Average precision of each of KITTI's classes that the label map has, at each difficulty.

    Args:
        groundtruth: names the classes of the detections.
        objects: what KITTI's annotations say of the same images.
        found: the detections.

    Returns:
        By name of the class, as the label map shows it, and name of the difficulty; -1 where there
        is nothing to be found.
    """
    named = zip(groundtruth.class_names.tolist(), groundtruth.class_ids.tolist(), strict=True)
    return {
        (name, difficulty.name): _average_precision(objects, found, number, name, difficulty)
        for name, number in named
        if name.lower() in OVERLAPS
        for difficulty in DIFFICULTIES
    }


def _average_precision(
    objects: KittiObjects, found: Found, number: int, name: str, difficulty: Difficulty
) -> float:
    bound = OVERLAPS[name.lower()]
    own = objects.names == name.lower()
    near = objects.names == _NEIGHBOURS.get(name.lower(), "")
    # A box of just this height is too low; a detection is measured in whole pixels.
    height = objects.boxes_xyxy_px[:, 3] - objects.boxes_xyxy_px[:, 1]
    fits = (
        (height > difficulty.height)
        & (objects.occluded <= difficulty.occluded)
        & (objects.truncated <= difficulty.truncated)
    )
    wanted = own & fits
    if not wanted.any():
        return -1.0
    detected = _detected(found, number, difficulty)
    overlaps = _find_overlaps(objects, own | near, detected, bound)
    scores = _scores_when_all_count(overlaps, wanted, detected)
    precision = np.zeros(_POINTS)
    levels = _recall_scores(scores, int(wanted.sum()))[:_POINTS]
    excused = _in_dontcare(objects, detected, bound)
    precision[: len(levels)] = _precision(overlaps, wanted, detected, excused, levels)
    return float(np.maximum.accumulate(precision[::-1])[::-1][1:].mean())


def _detected(found: Found, number: int, difficulty: Difficulty) -> _Detected:
    boxes = found.boxes_xywh_px.astype(np.float64)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    low = np.floor(boxes[:, 3]) < difficulty.height
    kept = np.flatnonzero(low | (found.classes == number))
    kept = kept[np.argsort(found.image[kept], kind="stable")]
    return _Detected(
        found.image[kept], corners[kept], found.scores[kept].astype(np.float64), low[kept]
    )


def _find_overlaps(
    objects: KittiObjects, chosen: NDArray[np.bool_], detected: _Detected, bound: float
) -> _Overlaps:
    wanted, other = _same_image(objects.image, chosen, detected.image)
    both = _intersection(objects.boxes_xyxy_px[wanted], detected.boxes_xyxy_px[other])
    union = _area(objects.boxes_xyxy_px)[wanted] + _area(detected.boxes_xyxy_px)[other] - both
    iou = _quotient(both, union)
    kept = iou > bound
    first = np.searchsorted(objects.image, objects.image)
    turn = np.arange(len(objects.image)) - first
    order = np.argsort(turn[wanted[kept]], kind="stable")
    wanted = wanted[kept][order]
    return _Overlaps(turn[wanted], wanted, other[kept][order], iou[kept][order])


def _scores_when_all_count(
    overlaps: _Overlaps, wanted: NDArray[np.bool_], detected: _Detected
) -> NDArray[np.float64]:
    """Scores of what is found where each object takes the surest detection."""
    preference = (-overlaps.detected, detected.scores[overlaps.detected])
    taken = _choose(overlaps, preference, len(wanted), detected, np.array([-np.inf]))[0]
    right = taken[wanted & (taken >= 0)]
    return np.asarray(detected.scores[right[~detected.low[right]]])


def _precision(
    overlaps: _Overlaps,
    wanted: NDArray[np.bool_],
    detected: _Detected,
    excused: NDArray[np.bool_],
    levels: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The precision of detections from each score on, float64 [T].

    Each object takes what it overlaps most; a detection that is too low only where no other is.
    """
    low = detected.low[overlaps.detected]
    preference = (-overlaps.detected, np.where(low, 0.0, overlaps.iou), ~low)
    taken = _choose(overlaps, preference, len(wanted), detected, levels)
    level, place = np.nonzero(taken >= 0)
    which = taken[level, place]
    right = np.bincount(level[wanted[place] & ~detected.low[which]], minlength=len(levels))
    is_taken = np.zeros((len(levels), len(detected.scores)), np.bool_)
    is_taken[level, which] = True
    counted = ~(detected.low | excused) & (detected.scores >= levels[:, None])
    wrong = (counted & ~is_taken).sum(axis=1)
    return np.asarray(right / np.maximum(right + wrong, 1))


def _choose(
    overlaps: _Overlaps,
    preference: tuple[NDArray[np.generic], ...],
    objects: int,
    detected: _Detected,
    levels: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Which detection each object takes among those from each score on, int32 [T, objects]."""
    order = np.lexsort((*preference, overlaps.wanted, overlaps.turn))
    choice = overlaps.detected[order]
    return choose_in_turn(
        overlaps.turn[order],
        overlaps.wanted[order],
        choice,
        detected.scores[choice] >= levels[:, None],
        choosers=objects,
        shared=np.zeros(len(detected.scores), np.bool_),
    )


def _recall_scores(scores: NDArray[np.float64], wanted: int) -> NDArray[np.float64]:
    """The scores at which the recall is nearest to 0, 1/40, 2/40 and so on."""
    ordered = np.sort(scores)[::-1].tolist()
    chosen = []
    recall = 0.0
    for place, score in enumerate(ordered):
        here, following = (place + 1) / wanted, (place + 2) / wanted
        is_last = place == len(ordered) - 1
        if not is_last and following - recall < recall - here:
            continue
        chosen.append(score)
        recall += 1 / (_POINTS - 1)
    return np.array(chosen)


def _in_dontcare(objects: KittiObjects, detected: _Detected, bound: float) -> NDArray[np.bool_]:
    """Which detections lie in a DontCare region by more than the overlap of their class."""
    region, inside = _same_image(objects.image, objects.names == _DONTCARE, detected.image)
    both = _intersection(objects.boxes_xyxy_px[region], detected.boxes_xyxy_px[inside])
    share = _quotient(both, _area(detected.boxes_xyxy_px)[inside])
    excused = np.zeros(len(detected.scores), np.bool_)
    excused[inside[share > bound]] = True
    return excused


def _same_image(
    image: NDArray[np.int64], chosen: NDArray[np.bool_], detected: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each chosen object beside each detection on its image, the latter ascending by image."""
    some = np.flatnonzero(chosen)
    first, last = (np.searchsorted(detected, image[some], side) for side in ("left", "right"))
    count = last - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(some, count), np.repeat(first, count) + within


def _intersection(
    one_xyxy: NDArray[np.float64], other_xyxy: NDArray[np.float64]
) -> NDArray[np.float64]:
    sides = np.minimum(one_xyxy[:, 2:], other_xyxy[:, 2:]) - np.maximum(
        one_xyxy[:, :2], other_xyxy[:, :2]
    )
    return np.where((sides > 0).all(axis=1), sides.prod(axis=1), 0.0)


def _quotient(both: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """`both` over `of`, 0 where nothing is in both."""
    return np.divide(both, of, out=np.zeros(len(both)), where=both > 0)


def _area(boxes_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1))


def build_objects(
    images: Sequence[Sequence[tuple[str, Sequence[float], float, int]]],
) -> KittiObjects:
    """Objects from those of each image: class, (xmin, ymin, xmax, ymax), truncated, occluded."""
    rows = [(place, *item) for place, items in enumerate(images) for item in items]
    return KittiObjects(
        image=np.array([row[0] for row in rows], np.int64),
        names=np.array([row[1].lower() for row in rows], np.str_),
        boxes_xyxy_px=np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        truncated=np.array([row[3] for row in rows], np.float64),
        occluded=np.array([row[4] for row in rows], np.int64),
    )
