"""COCO's twelve numbers from groundtruth and detections, and the lines in which they are printed.

The numbers of pycocotools in a fraction of the time (`scoring`).
Source: object_detection/metrics/coco_tools.py and coco_evaluation.py (ids of boxes from 1, area,
classes outside the label map, -1 for what cannot be measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.metrics import (
    BOXES,
    CATEGORY_TAG,
    COCO_METRICS,
    MASKS,
    SUPER_CATEGORY_TAG,
    CocoMetric,
    category_tag,
    super_category_tag,
)
from odapi_runner.scoring.curves import ClassOutcomes, class_outcomes, precision_at_recalls
from odapi_runner.scoring.masks import Masks, find_mask_pairs, mask_areas
from odapi_runner.scoring.match import COCO_THRESHOLDS, match_pairs
from odapi_runner.scoring.pairs import find_pairs, rank_detections

UNKNOWN = -1.0  # COCO's value where there is no groundtruth of that kind

_AREAS = {  # square pixels, both ends included
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
_LEVELS = {"0.50:0.95": slice(None), "0.50": slice(0, 1), "0.75": slice(5, 6)}

# The value of each of the twelve for one class by overlap: precision [T, 101], recall [T].
_Tables = dict[CocoMetric, NDArray[np.float64]]


def evaluate(
    groundtruth: GroundTruth,
    found: Found,
    *,
    per_category: bool = False,
    all_per_category: bool = False,
    super_categories: Mapping[str, Sequence[str]] | None = None,
    masks: Masks | None = None,
) -> dict[str, float]:
    """Score the detections of one checkpoint.

    Images without groundtruth count: what is found there is wrong. Of the detections of one class
    on one image the best 100 are looked at; equal scores keep the order given. Boxes of a class
    that the label map lacks are left out.

    Args:
        groundtruth: what is to be found. A crowd box takes any number of detections, which are
            then neither right nor wrong; a box without a positive `area` has that of its sides.
        found: the detections.
        per_category: add the average precision of each class, under `CATEGORY_TAG` and its name.
        all_per_category: add that, and all twelve of each class.
        super_categories: names of classes by the name that they have together: add the mean of
            their figures, -1 counted as such, there as here.
        masks: what to measure in the boxes' place; the tags then say so.

    Returns:
        The value of each tag: the twelve in the order of `COCO_METRICS`, then the classes in the
        order of the label map, then the super categories; -1 where there is no groundtruth of that
        kind.
    """
    by_class = _tables(groundtruth, found, masks)
    tables = list(by_class.values())
    metrics = {one.tag: _value([table[one] for table in tables]) for one in COCO_METRICS}
    if per_category or all_per_category or super_categories:
        values = _by_class(groundtruth, by_class)
        if per_category or all_per_category:
            for name, own in values.items():
                metrics[f"{CATEGORY_TAG}{name}"] = own[COCO_METRICS[0]]
                if all_per_category:
                    metrics |= {category_tag(one, name): own[one] for one in COCO_METRICS}
        for name, members in (super_categories or {}).items():
            means = _means([values[member] for member in members])
            metrics[f"{SUPER_CATEGORY_TAG}{name}"] = means[COCO_METRICS[0]]
            if all_per_category:
                metrics |= {super_category_tag(one, name): means[one] for one in COCO_METRICS}
    if masks:
        return {tag.replace(BOXES, MASKS): value for tag, value in metrics.items()}
    return metrics


def _by_class(
    groundtruth: GroundTruth, tables: Mapping[int, _Tables]
) -> dict[str, dict[CocoMetric, float]]:
    """The twelve of each class by its name, in the order of the label map."""
    return {
        str(name): {one: _value([tables[number][one]]) for one in COCO_METRICS}
        for number, name in zip(
            groundtruth.class_ids.tolist(), groundtruth.class_names, strict=True
        )
    }


def _means(classes: Sequence[Mapping[CocoMetric, float]]) -> dict[CocoMetric, float]:
    return {one: sum(values[one] for values in classes) / len(classes) for one in COCO_METRICS}


def summary_lines(metrics: Mapping[str, float]) -> list[str]:
    """The twelve lines that pycocotools prints, from metrics by tag."""
    return [
        f" {metric.title:<18} ({'AP' if metric.title == 'Average Precision' else 'AR'}) @[ "
        f"IoU={metric.iou:<9} | area={metric.area:>6} | maxDets={metric.max_detections:>3} ] "
        f"= {metrics[metric.tag]:0.3f}"
        for metric in COCO_METRICS
    ]


def _tables(groundtruth: GroundTruth, found: Found, masks: Masks | None) -> dict[int, _Tables]:
    """Precision and recall of each class by its id: the overlaps are computed once."""
    ranked = rank_detections(groundtruth, found)
    if masks:
        pairs = find_mask_pairs(groundtruth, masks, ranked)
        area, own_area = mask_areas(masks.wanted), mask_areas(masks.found)
    else:
        pairs = find_pairs(groundtruth, found, ranked)
        area, own_area = _area(groundtruth.boxes_xywh_px), _area(found.boxes_xywh_px)
    area = np.where(groundtruth.area > 0, groundtruth.area, area)
    tables: dict[int, _Tables] = {number: {} for number in groundtruth.class_ids.tolist()}
    for name, (low, high) in _AREAS.items():
        ignored = groundtruth.is_crowd | (area < low) | (area > high)
        matches = match_pairs(ranked, pairs, COCO_THRESHOLDS, groundtruth.is_crowd, ignored)
        outcomes = class_outcomes(
            groundtruth,
            found,
            ranked,
            matches,
            is_ignored=ignored,
            excused=(own_area < low) | (own_area > high),
        )
        wanted = [one for one in COCO_METRICS if one.area == name]
        for of_class in outcomes:
            tables[of_class.class_id] |= _read_off(of_class, wanted)
    return tables


def _read_off(outcomes: ClassOutcomes, wanted: Sequence[CocoMetric]) -> _Tables:
    precision = precision_at_recalls(outcomes)[0]
    total = outcomes.wanted.sum()
    found: _Tables = {}
    for one in wanted:
        if one.title == "Average Precision":
            table = precision
        elif total:
            table = outcomes.right[:, outcomes.rank < one.max_detections].sum(axis=1) / total
        else:
            table = np.full(len(precision), UNKNOWN)
        found[one] = table[_LEVELS[one.iou]]
    return found


def _value(tables: Sequence[NDArray[np.float64]]) -> float:
    """The mean of what is known of some classes."""
    known = [table.ravel() for table in tables if table.size and table.flat[0] > UNKNOWN]
    return float(np.mean(np.concatenate(known))) if known else UNKNOWN


def _area(boxes_xywh_px: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    # COCO files hold doubles, and so does pycocotools: the area is not rounded to float32.
    sides = boxes_xywh_px[:, 2:].astype(np.float64)
    return np.asarray(sides[:, 0] * sides[:, 1])
