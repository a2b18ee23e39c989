"""What each object is taken for: misclassified, correct, missed; and from which score on one looks.

An object is taken for what the surest box on it says (an IoU of 0.5 or more); a box that is right
about another object says nothing about this one. At a score threshold an object on which no box is
as sure as that is missed. A box on no object is false. Crowds are no objects, and what lies in
them is not false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.match import Matches
from odapi_runner.scoring.pairs import Pairs

ON = 0.5
THRESHOLDS = np.arange(1, 100) / 100  # the scores among which the best is looked for


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """What became of the objects of one class at a score threshold."""

    name: str
    objects: int
    misclassified: int
    correct: int
    false: int  # boxes of this class on no object
    extra: int  # those that lie on an object without finding one

    @property
    def missed(self) -> int:
        return self.objects - self.misclassified - self.correct

    @property
    def shares(self) -> tuple[float, float, float] | None:
        """Misclassified, correct and missed of the objects; None without any."""
        if not self.objects:
            return None
        parts = (self.misclassified, self.correct, self.missed)
        return parts[0] / self.objects, parts[1] / self.objects, parts[2] / self.objects


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The score from which on the boxes of a class serve best, and how well they do."""

    name: str
    threshold: float
    f1: float  # the harmonic mean of precision and recall
    f1_at_half: float  # the same at 0.5


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a groundtruth, and what was found of them.

    Attributes:
        groundtruth: with m boxes.
        found: n detections.
        surest: int64 [m], the index of the surest detection on it; -1: there is none.
        taken_for: int64 [m], the class that it says; 0: there is none.
        sureness: float32 [m], its score.
        right: bool [n], detections that have found an object.
        wrong: bool [n], that have not.
        on_nothing: bool [n], that are false: wrong, and on no object at all.
    """

    groundtruth: GroundTruth
    found: Found
    surest: NDArray[np.int64]
    taken_for: NDArray[np.int64]
    sureness: NDArray[np.float32]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    on_nothing: NDArray[np.bool_]

    def count(self, threshold: float) -> list[ClassCounts]:
        """What became of the objects of each class, in the order of the label map."""
        truth, least = self.groundtruth, np.float32(threshold)
        matrix = self.confusion(threshold)
        extra = self.wrong & ~self.on_nothing & (self.found.scores >= least)
        extras = np.bincount(self._places(self.found.classes[extra]), minlength=len(matrix))
        return [
            ClassCounts(
                name=str(name),
                objects=int(row.sum()),
                misclassified=int(row.sum() - row[place] - row[-1]),
                correct=int(row[place]),
                false=int(matrix[-1, place]),
                extra=int(extras[place]),
            )
            for place, (name, row) in enumerate(zip(truth.class_names, matrix[:-1], strict=True))
        ]

    def confusion(self, threshold: float) -> NDArray[np.int64]:
        """How many objects of a class (row) are taken for a class (column), [classes + 1] twice.

        The last column counts those that are missed, the last row the boxes that are false.
        """
        truth, least = self.groundtruth, np.float32(threshold)
        count = len(truth.class_ids)
        matrix = np.zeros((count + 1, count + 1), np.int64)
        alone = ~truth.is_crowd
        seen = np.where(self.sureness >= least, self.taken_for, 0)
        rows, columns = self._places(truth.classes[alone]), self._places(seen[alone])
        np.add.at(matrix, (rows, columns), 1)
        false = self.on_nothing & (self.found.scores >= least)
        np.add.at(matrix[-1], self._places(self.found.classes[false]), 1)
        return matrix

    def best_thresholds(self) -> list[BestThreshold]:
        """The best threshold of each class that has objects, in the order of the label map.

        It is the one with the highest F1; of several the middle one of the first stretch.
        """
        truth, best = self.groundtruth, []
        for number, name in zip(truth.class_ids, truth.class_names, strict=True):
            objects = int(((truth.classes == number) & ~truth.is_crowd).sum())
            if objects:
                own = self.found.classes == number
                best.append(_best(str(name), self.f1(own, objects)))
        return best

    def best_threshold(self) -> BestThreshold | None:
        """That of all classes together; None without objects."""
        objects = int((~self.groundtruth.is_crowd).sum())
        everything = np.ones(len(self.right), np.bool_)
        return _best("all", self.f1(everything, objects)) if objects else None

    def f1(self, own: NDArray[np.bool_], objects: int) -> NDArray[np.float64]:
        """F1 at each of `THRESHOLDS`, of the detections `own` and of so many objects."""
        hits, errors = (
            _count_from(self.found.scores[own & those]) for those in (self.right, self.wrong)
        )
        return np.asarray(2 * hits / (hits + errors + objects))

    def _places(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row or column of each class; that behind the last for 0 and for unknown ones."""
        ids = self.groundtruth.class_ids
        place = np.full(max(int(ids.max(initial=0)), int(classes.max(initial=0))) + 1, len(ids))
        place[ids] = np.arange(len(ids))
        return place[classes]


def build_objects(
    groundtruth: GroundTruth, found: Found, matches: Matches, pairs: Pairs
) -> Objects:
    """Look at what is on each object.

    Args:
        groundtruth: what is to be found.
        found: the detections.
        matches: which of them are right at an IoU of 0.5; thresholds beyond the first do not count.
        pairs: the overlaps of boxes on one image, whatever their classes, from 0.5 on or less.
    """
    right, wrong = matches.is_right[0], matches.is_wrong[0]
    on = (pairs.iou >= ON) & ~groundtruth.is_crowd[pairs.groundtruth]
    detection, box = pairs.detection[on], pairs.groundtruth[on]
    covering = np.zeros(len(right), np.bool_)
    covering[detection] = True
    said = np.where(right[detection], matches.groundtruth[0][detection] == box, wrong[detection])
    detection, box = detection[said], box[said]
    # Of one object the last comes to stay: the surest, of equals the right one.
    order = np.lexsort((right[detection], found.scores[detection], box))
    detection, box = detection[order], box[order]
    surest = np.full(len(groundtruth.classes), -1)
    taken_for = np.zeros(len(surest), np.int64)
    sureness = np.full(len(surest), -np.inf, np.float32)
    surest[box], taken_for[box] = detection, found.classes[detection]
    sureness[box] = found.scores[detection]
    false = wrong & ~covering
    return Objects(groundtruth, found, surest, taken_for, sureness, right, wrong, false)


def _count_from(scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """How many scores are at least each of `THRESHOLDS`."""
    ordered = np.sort(scores.astype(np.float32))
    return len(ordered) - np.searchsorted(ordered, THRESHOLDS.astype(np.float32))


def _best(name: str, f1: NDArray[np.float64]) -> BestThreshold:
    first = int(np.argmax(f1))
    worse = np.flatnonzero(f1[first:] < f1[first])
    last = first + (int(worse[0]) if len(worse) else len(f1) - first) - 1
    middle = (first + last) // 2
    half = int(np.searchsorted(THRESHOLDS, 0.5))
    return BestThreshold(name, float(THRESHOLDS[middle]), float(f1[middle]), float(f1[half]))
