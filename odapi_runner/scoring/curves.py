"""Precision and recall along the scores of each class, and COCO's precision at 101 recalls.

Source: pycocotools' cocoeval.py (`accumulate`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.match import Matches
from odapi_runner.scoring.pairs import Ranked

RECALLS = np.linspace(0.0, 1.0, 101)  # at which COCO looks

_EPSILON = np.spacing(1)  # COCO's guard against 0 / 0
_FEW_COLUMNS = 32
_CELLS = 1 << 23  # weights of detections that are held at once: some 100 MB


@dataclass(frozen=True, slots=True)
class ClassOutcomes:
    """What became of the n detections of one class at T overlaps, the surest first.

    Attributes:
        class_id: of the label map.
        image: int64 [n], on which each lies.
        rank: int64 [n], its place by score on its image.
        scores: float [n], descending.
        right: bool [T, n].
        wrong: bool [T, n]; what is neither right nor wrong is ignored.
        wanted: int64 [images], how many boxes of the class are to be found on each image.
    """

    class_id: int
    image: NDArray[np.int64]
    rank: NDArray[np.int64]
    scores: NDArray[np.floating[Any]]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    wanted: NDArray[np.int64]

    def curve(self, level: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Precision and recall after each detection at one overlap, float64 [n] each.

        The recall is NaN where there is nothing to be found.
        """
        right, wrong = np.cumsum(self.right[level]), np.cumsum(self.wrong[level])
        with np.errstate(invalid="ignore"):
            return right / (right + wrong + _EPSILON), right / np.float64(self.wanted.sum())


def class_outcomes(
    groundtruth: GroundTruth,
    found: Found,
    ranked: Ranked,
    matches: Matches,
    *,
    is_ignored: NDArray[np.bool_] | None = None,
    excused: NDArray[np.bool_] | None = None,
) -> list[ClassOutcomes]:
    """Sort out what was matched, one entry a class, ascending by its id.

    Args:
        groundtruth: what was to be found.
        found: the detections.
        ranked: their order, by class.
        matches: what they have found.
        is_ignored: bool [m], boxes that need not be found; crowds where not given.
        excused: bool [n], detections that are not wrong where they have found nothing.
    """
    ids = np.unique(groundtruth.class_ids)
    # Of equal scores that on the earlier image comes first: COCO sorts image after image, stably.
    order = np.lexsort((ranked.rank, found.image, -found.scores, found.classes))
    order = order[matches.counted[order]]
    bounds = np.searchsorted(found.classes[order], [*ids, np.inf])
    right = matches.is_right[:, order]
    wrong = (matches.is_wrong if excused is None else matches.is_wrong & ~excused)[:, order]
    wanted = ~(groundtruth.is_crowd if is_ignored is None else is_ignored)
    images = len(groundtruth.source_ids)
    outcomes = []
    for place, number in enumerate(ids.tolist()):
        here = slice(bounds[place], bounds[place + 1])
        of_class = wanted & (groundtruth.classes == number)
        outcomes.append(
            ClassOutcomes(
                class_id=number,
                image=found.image[order[here]],
                rank=ranked.rank[order[here]],
                scores=found.scores[order[here]],
                right=right[:, here],
                wrong=wrong[:, here],
                wanted=np.bincount(groundtruth.image[of_class], minlength=images),
            )
        )
    return outcomes


def precision_at_recalls(
    outcomes: ClassOutcomes, weights: NDArray[np.integer[Any]] | None = None
) -> NDArray[np.float64]:
    """COCO's precision at `RECALLS`: the best one at that recall or a higher one, else 0.

    Args:
        outcomes: of one class.
        weights: int [B, images], how often each image is there, in B choices of images; all once
            where not given, as one choice.

    Returns:
        float64 [B, T, 101]; -1 in choices where there is nothing to be found.
    """
    if weights is None:
        weights = np.ones((1, len(outcomes.wanted)), np.int64)
    wanted = weights @ outcomes.wanted
    levels = len(outcomes.right)
    precision = np.zeros((len(weights), levels, len(RECALLS)))
    some = np.flatnonzero(outcomes.right.any(axis=0))
    until = some[-1] + 1 if len(some) else 0  # what comes after the last right one plays no part
    image = outcomes.image[:until]
    for begin, end in _portions(len(weights), until):
        # A row a detection, for rows are gathered and added up many times as fast as columns.
        own = weights[begin:end].T.astype(np.int32, order="C")[image]
        total = _accumulate(np.add, own)
        needed = _needed(wanted[begin:end])
        for level in range(levels):
            right = np.flatnonzero(outcomes.right[level, :until])
            idle = np.flatnonzero(~(outcomes.right | outcomes.wrong)[level, :until])
            true = _accumulate(np.add, own[right])
            counted = total[right] - _sums_before(own[idle], np.searchsorted(idle, right))
            precision[begin:end, level] = _envelope(true, counted, needed)
    precision[wanted == 0] = -1
    return precision


def _sums_before(rows: NDArray[np.int32], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """The sum of the rows before each end, int32 [ends, B]."""
    none = np.zeros((1, rows.shape[1]), np.int32)
    return np.concatenate([none, _accumulate(np.add, rows)])[ends]


def _accumulate(combine: np.ufunc, rows: NDArray[Any]) -> NDArray[Any]:
    """Each row combined with all before it.

    NumPy accumulates column by column, which takes ten times as long where there are many.
    """
    if rows.shape[1] < _FEW_COLUMNS:
        return combine.accumulate(rows, axis=0, dtype=rows.dtype)
    sums = rows.copy()
    for before, here in itertools.pairwise(sums):
        combine(before, here, out=here)
    return sums


def _portions(choices: int, detections: int) -> Iterator[tuple[int, int]]:
    step = max(1, _CELLS // max(detections, 1))
    for begin in range(0, choices, step):
        yield begin, min(begin + step, choices)


def _needed(wanted: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """How many must be found for each recall, int64 [B, 101].

    The least k for which the quotient k / wanted, rounded as computers do, is not below the recall.
    """
    of = np.maximum(wanted, 1)[:, None]
    needed = np.ceil(RECALLS * of).astype(np.int64)
    needed -= (needed - 1) / of >= RECALLS
    return np.asarray(needed + (needed / of < RECALLS), np.int64)


def _envelope(
    true: NDArray[np.int32], counted: NDArray[np.int32], needed: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Precision at each recall, float64 [B, 101].

    Args:
        true: int32 [r, B], how many are right up to each of the r right ones.
        counted: int32 [r, B], how many are right or wrong up to there.
        needed: int64 [B, 101], ascending.
    """
    steps, choices = true.shape
    best = np.zeros((steps + 1, choices))
    best[:steps] = _accumulate(np.maximum, (true / (counted + _EPSILON))[::-1])[::-1]
    # One ascending row of all choices, each lifted above the one before.
    lift = np.arange(choices) * (max(true.max(initial=0), needed.max(initial=0)) + 1)
    place = np.searchsorted((true + lift).T.ravel(), (needed + lift[:, None]).ravel())
    place = place.reshape(needed.shape) - (np.arange(choices) * steps)[:, None]
    return np.take_along_axis(best.T, place, axis=1)
