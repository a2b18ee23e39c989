"""COCO's twelve numbers from groundtruth and detections, and the lines in which they are printed.

The matching is faster-coco-eval's: the numbers of pycocotools in a fraction of the time.
Source: object_detection/metrics/coco_tools.py and coco_evaluation.py (ids of boxes from 1, area,
classes outside the label map, -1 for what cannot be measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import GroundTruth
from odapi_runner.metrics import (
    CATEGORY_TAG,
    COCO_METRICS,
    SUPER_CATEGORY_TAG,
    CocoMetric,
    category_tag,
    super_category_tag,
)

UNKNOWN = -1.0  # COCO's value where there is no groundtruth of that kind

# Axes of the evaluation's arrays, as COCOeval.accumulate documents them:
# precision [thresholds, recalls, classes, areas, limits], recall without the second axis.
_AREAS = {"all": 0, "small": 1, "medium": 2, "large": 3}
_LIMITS = {1: 0, 10: 1, 100: 2}
_THRESHOLDS = {"0.50:0.95": slice(None), "0.50": slice(0, 1), "0.75": slice(5, 6)}


def evaluate(
    groundtruth: GroundTruth,
    *,
    image: NDArray[np.int64],
    boxes_xywh_px: NDArray[np.floating[Any]],
    classes: NDArray[np.int64],
    scores: NDArray[np.floating[Any]],
    per_category: bool = False,
    all_per_category: bool = False,
    super_categories: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, float]:
    """Score the detections of one checkpoint.

    Images without groundtruth count: what is found there is wrong. Of the detections of one class
    on one image the best 100 are looked at; equal scores keep the order given. Boxes of a class
    that the label map lacks are left out.

    Args:
        groundtruth: what is to be found. A crowd box takes any number of detections, which are
            then neither right nor wrong; a box without a positive `area` has that of its sides.
        image: int64 [n], index of the image in `groundtruth.source_ids`.
        boxes_xywh_px: float [n, 4], (xmin, ymin, width, height), pixels of the original image.
        classes: int64 [n], label map ids, from 1.
        scores: float [n], higher is surer.
        per_category: add the average precision of each class, under `CATEGORY_TAG` and its name.
        all_per_category: add that, and all twelve of each class.
        super_categories: names of classes by the name that they have together: add the mean of
            their figures, -1 counted as such, there as here.

    Returns:
        The value of each tag: the twelve in the order of `COCO_METRICS`, then the classes in the
        order of the label map, then the super categories; -1 where there is no groundtruth of that
        kind.
    """
    precision, recall = _precision_and_recall(groundtruth, image, boxes_xywh_px, classes, scores)
    found = {one.tag: _value(one, precision, recall) for one in COCO_METRICS}
    if per_category or all_per_category or super_categories:
        by_class = _by_class(groundtruth, precision, recall)
        if per_category or all_per_category:
            for name, values in by_class.items():
                found[f"{CATEGORY_TAG}{name}"] = values[COCO_METRICS[0]]
                if all_per_category:
                    found |= {category_tag(one, name): values[one] for one in COCO_METRICS}
        for name, members in (super_categories or {}).items():
            means = _means([by_class[member] for member in members])
            found[f"{SUPER_CATEGORY_TAG}{name}"] = means[COCO_METRICS[0]]
            if all_per_category:
                found |= {super_category_tag(one, name): means[one] for one in COCO_METRICS}
    return found


def _by_class(
    groundtruth: GroundTruth, precision: NDArray[np.float64], recall: NDArray[np.float64]
) -> dict[str, dict[CocoMetric, float]]:
    """The twelve of each class by its name, in the order of the label map."""
    places = {number: place for place, number in enumerate(np.unique(groundtruth.class_ids))}
    found = {}
    for number, name in zip(groundtruth.class_ids, groundtruth.class_names, strict=True):
        own = [table.take([places[number]], axis=-3) for table in (precision, recall)]
        found[str(name)] = {one: _value(one, *own) for one in COCO_METRICS}
    return found


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


def _precision_and_recall(
    groundtruth: GroundTruth,
    image: NDArray[np.int64],
    boxes_xywh_px: NDArray[np.floating[Any]],
    classes: NDArray[np.int64],
    scores: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from faster_coco_eval import COCO, COCOeval_faster

    images = {"images": [{"id": number} for number in range(len(groundtruth.source_ids))]}
    categories = {"categories": [{"id": number} for number in groundtruth.class_ids.tolist()]}
    wanted = _annotations(
        groundtruth.image,
        groundtruth.boxes_xywh_px,
        groundtruth.classes,
        area=np.where(groundtruth.area > 0, groundtruth.area, _area(groundtruth.boxes_xywh_px)),
        iscrowd=groundtruth.is_crowd.astype(np.int64),
    )
    # COCO files hold doubles, and so does pycocotools: the area is not rounded to float32.
    boxes = boxes_xywh_px.astype(np.float64)
    offered = _annotations(image, boxes, classes, area=_area(boxes), score=scores)
    evaluation = COCOeval_faster(
        COCO(images | categories | {"annotations": wanted}, print_function=_say_nothing),
        COCO(images | categories | {"annotations": offered}, print_function=_say_nothing),
        iouType="bbox",
        print_function=_say_nothing,
    )
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval["precision"], evaluation.eval["recall"]


def _value(
    metric: CocoMetric, precision: NDArray[np.float64], recall: NDArray[np.float64]
) -> float:
    table = precision if metric.title == "Average Precision" else recall
    some = table[_THRESHOLDS[metric.iou], ..., _AREAS[metric.area], :]
    return _mean_of_known(some[..., _LIMITS[metric.max_detections]])


def _annotations(
    image: NDArray[np.int64],
    boxes_xywh_px: NDArray[np.floating[Any]],
    classes: NDArray[np.int64],
    **values: NDArray[Any],
) -> list[dict[str, Any]]:
    """The boxes as COCO's JSON has them; ids count from 1, since 0 means "not matched"."""
    columns = {
        "id": np.arange(1, len(image) + 1),
        "image_id": image,
        "category_id": classes,
        "bbox": boxes_xywh_px,
        **values,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _area(boxes_xywh_px: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.asarray(boxes_xywh_px[:, 2] * boxes_xywh_px[:, 3])


def _mean_of_known(values: NDArray[np.float64]) -> float:
    known = values[values > UNKNOWN]
    return float(np.mean(known)) if len(known) else UNKNOWN


def _say_nothing(*_: object) -> None:
    """Stands where faster-coco-eval would log its phases."""
