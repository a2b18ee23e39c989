"""Which detections overlap which groundtruth: what every matching begins with.

Source: pycocotools' cocoeval.py (`computeIoU`: order, limit) and maskApi.c (`bbIou`: the overlap).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth

COCO_LIMIT = 100  # detections of one class on one image

_CHUNK = 1 << 20  # pairs whose overlap is computed at once: some 100 MB


@dataclass(frozen=True, slots=True)
class Ranked:
    """The place of each detection among those that it competes with.

    Attributes:
        group: int64 [n], equal for detections that compete: those of one class on one image.
        rank: int64 [n], its place there by score, from 0, equal scores in the order given; -1
            where it is left out: of a class outside the label map, or past the limit.
    """

    group: NDArray[np.int64]
    rank: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Detections and groundtruth of one group that overlap, ordered by detection.

    Attributes:
        detection: int64 [p], index of the detection.
        groundtruth: int64 [p], index of the box.
        iou: float64 [p], the overlap; with a crowd, the share of the detection inside it.
    """

    detection: NDArray[np.int64]
    groundtruth: NDArray[np.int64]
    iou: NDArray[np.float64]


def rank_detections(
    groundtruth: GroundTruth, found: Found, *, by_class: bool = True, limit: int | None = COCO_LIMIT
) -> Ranked:
    """Order detections by score, class by class on each image, or all of an image together.

    Args:
        groundtruth: whose label map says which classes there are.
        found: the detections.
        by_class: let those of one class compete; else all of an image do, whatever their class.
        limit: how many of a group are looked at; None: all.
    """
    group = _groups(groundtruth, found.image, found.classes, by_class=by_class)
    order = np.lexsort((-found.scores, group))
    ordered = group[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-2))
    place = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    rank = np.empty(len(order), np.int64)
    rank[order] = place
    if limit is not None:
        rank[rank >= limit] = -1
    rank[group < 0] = -1
    return Ranked(group, rank)


def find_pairs(
    groundtruth: GroundTruth,
    found: Found,
    ranked: Ranked,
    *,
    by_class: bool = True,
    at_least: float = 0.5,
) -> Pairs:
    """All pairs of a group that overlap at least so much; `ranked` is of the same `by_class`."""
    parts = [
        _overlapping(groundtruth, found, detection, box, at_least)
        for detection, box in pairs_of_group(groundtruth, ranked, by_class=by_class)
    ]
    if not parts:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, np.zeros(0))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def overlap(
    detected_xywh: NDArray[np.floating[Any]],
    wanted_xywh: NDArray[np.floating[Any]],
    is_crowd: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The overlap of each detection with the box beside it: intersection over union, float64 [p].

    Args:
        detected_xywh: float [p, 4], (xmin, ymin, width, height).
        wanted_xywh: float [p, 4], the same.
        is_crowd: bool [p], of `wanted_xywh`: there the intersection counts over the detection.
    """
    xmin, ymin, width, height = detected_xywh.astype(np.float64).T
    xmin_g, ymin_g, width_g, height_g = wanted_xywh.astype(np.float64).T
    across = np.minimum(xmin + width, xmin_g + width_g) - np.maximum(xmin, xmin_g)
    down = np.minimum(ymin + height, ymin_g + height_g) - np.maximum(ymin, ymin_g)
    both = np.where((across > 0) & (down > 0), across * down, 0.0)
    own = width * height
    union = np.where(is_crowd, own, own + width_g * height_g - both)
    with np.errstate(invalid="ignore"):
        return np.where(both > 0, both / union, 0.0)


def _groups(
    groundtruth: GroundTruth,
    image: NDArray[np.int64],
    classes: NDArray[np.int64],
    *,
    by_class: bool,
) -> NDArray[np.int64]:
    """A number for each image, or for each class on each image; -1: of no known class."""
    if not by_class:
        return np.asarray(image, np.int64)
    known = np.unique(groundtruth.class_ids)
    if not len(known):
        return np.full(len(image), -1)
    place = np.minimum(np.searchsorted(known, classes), len(known) - 1)
    number = np.asarray(image, np.int64) * len(known) + place
    return np.where(known[place] == classes, number, -1)


def pairs_of_group(
    groundtruth: GroundTruth, ranked: Ranked, *, by_class: bool = True
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Indices of detections, and of all groundtruth of their group beside each, in pieces.

    Detections ascend, and none is in two pieces.
    """
    own = _groups(groundtruth, groundtruth.image, groundtruth.classes, by_class=by_class)
    order = np.argsort(own, kind="stable")
    counted = np.flatnonzero(ranked.rank >= 0)
    first, last = (
        np.searchsorted(own[order], ranked.group[counted], side) for side in ("left", "right")
    )
    count = last - first
    piece = (np.cumsum(count) - count) // _CHUNK
    for begin, end in _runs(piece):
        many = count[begin:end]
        detection = np.repeat(counted[begin:end], many)
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        yield detection, order[np.repeat(first[begin:end], many) + within]


def _runs(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    begins = np.flatnonzero(np.diff(values, prepend=-1)).tolist()
    yield from itertools.pairwise([*begins, len(values)])


def _overlapping(
    groundtruth: GroundTruth,
    found: Found,
    detection: NDArray[np.int64],
    box: NDArray[np.int64],
    at_least: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    iou = overlap(
        found.boxes_xywh_px[detection], groundtruth.boxes_xywh_px[box], groundtruth.is_crowd[box]
    )
    kept = iou >= at_least
    return detection[kept], box[kept], iou[kept]
