"""The names of metrics: as the Object Detection API writes them, as columns, as COCO prints them.

Source: object_detection/metrics/coco_tools.py and model_lib_v2.py (tags); pycocotools'
COCOeval.summarize (the order and wording of the twelve lines).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CocoMetric:
    """One of COCO's twelve numbers: its column, its tag, and the words of its summary line."""

    column: str
    tag: str
    title: str  # "Average Precision" or "Average Recall"
    iou: str
    area: str
    max_detections: int


def _precision(column: str, name: str, iou: str, area: str) -> CocoMetric:
    tag = f"DetectionBoxes_Precision/{name}"
    return CocoMetric(column, tag, "Average Precision", iou, area, 100)


def _recall(column: str, name: str, area: str, most: int) -> CocoMetric:
    return CocoMetric(
        column, f"DetectionBoxes_Recall/{name}", "Average Recall", "0.50:0.95", area, most
    )


# In the order of COCOeval.stats and of its printed summary.
COCO_METRICS = (
    _precision("mAP", "mAP", "0.50:0.95", "all"),
    _precision("mAP_50", "mAP@.50IOU", "0.50", "all"),
    _precision("mAP_75", "mAP@.75IOU", "0.75", "all"),
    _precision("mAP_small", "mAP (small)", "0.50:0.95", "small"),
    _precision("mAP_medium", "mAP (medium)", "0.50:0.95", "medium"),
    _precision("mAP_large", "mAP (large)", "0.50:0.95", "large"),
    _recall("AR_1", "AR@1", "all", 1),
    _recall("AR_10", "AR@10", "all", 10),
    _recall("AR_100", "AR@100", "all", 100),
    _recall("AR_100_small", "AR@100 (small)", "small", 100),
    _recall("AR_100_medium", "AR@100 (medium)", "medium", 100),
    _recall("AR_100_large", "AR@100 (large)", "large", 100),
)

LOSS_TAGS = {
    "loss_classification": "Loss/classification_loss",
    "loss_localization": "Loss/localization_loss",
    "loss_regularization": "Loss/regularization_loss",
    "loss_total": "Loss/total_loss",
}

LEARNING_RATE = "learning_rate"

# What every evaluation has; losses are better the lower they are.
METRICS = (*(metric.column for metric in COCO_METRICS), *LOSS_TAGS)

# Every table of results begins with these, in this order (DESIGN.md 3).
COLUMNS = (
    "run",
    "step",
    *(metric.column for metric in COCO_METRICS),
    *LOSS_TAGS,
    LEARNING_RATE,
)

# Pascal VOC's mean average precision, where the data come from there. The first tag is the Object
# Detection API's (utils/object_detection_evaluation.py, `PascalDetectionEvaluator`).
VOC_2012_TAG = "PascalBoxes_Precision/mAP@0.5IOU"
VOC_2007_TAG = "PascalBoxes_Precision/mAP@0.5IOU (2007)"
VOC_CATEGORY_TAG = "PascalBoxes_PerformanceByCategory/AP@0.5IOU/"
VOC_METRICS_SET = "pascal_voc_detection_metrics"  # as `eval_config.metrics_set` asks for them
# KITTI's average precision of a class at a difficulty, where the data come from there.
_KITTI_TAG = "KITTI_AP40/"

COLUMN_OF_TAG = {
    **{metric.tag: metric.column for metric in COCO_METRICS},
    **{tag: column for column, tag in LOSS_TAGS.items()},
    LEARNING_RATE: LEARNING_RATE,
    VOC_2012_TAG: "VOC_2012",
    VOC_2007_TAG: "VOC_2007",
}

TAG_OF_COLUMN = {column: tag for tag, column in COLUMN_OF_TAG.items()}

# Tags of figures that are -1 where there is no groundtruth of that kind.
_FIGURES = ("Detection", "KITTI_", "PascalBoxes_")

# With what the tags of COCO's figures begin: those of boxes, and those of masks.
BOXES = "DetectionBoxes_"
MASKS = "DetectionMasks_"

# AP of one class, with `include_metrics_per_category`; the class name follows.
CATEGORY_TAG = "DetectionBoxes_PerformanceByCategory/mAP/"
# The mean of several classes, with `super_categories`; their name follows.
SUPER_CATEGORY_TAG = "DetectionBoxes_PerformanceBySuperCategory/"


def category_tag(metric: CocoMetric, name: str) -> str:
    """The tag of one of the twelve for one class, with `all_metrics_per_category`."""
    return f"{metric.tag} ByCategory/{name}"


def super_category_tag(metric: CocoMetric, name: str) -> str:
    """The same for several classes together."""
    return f"{metric.tag} BySuperCategory/{name}"


def kitti_tag(name: str, difficulty: str) -> str:
    """The tag of KITTI's average precision of a class: easy, moderate or hard."""
    return f"{_KITTI_TAG}{name} ({difficulty})"


def column_of(tag: str) -> str:
    """The column of a tag; a tag without a column of its own keeps its name."""
    return COLUMN_OF_TAG.get(tag, tag)


def columns_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics by column instead of tag.

    COCO's -1 ("no groundtruth of that kind") is left out; a loss may be what it likes.
    """
    return {column_of(tag): value for tag, value in metrics.items() if is_told(tag, value)}


def is_told(tag: str, value: float) -> bool:
    """Whether a value says something: only evaluators' figures are -1 for "not known"."""
    return not tag.startswith(_FIGURES) or known(value) is not None


def is_loss(metric: str) -> bool:
    """Whether a column is a loss, so better the lower it is; some engines have more of them."""
    return metric in LOSS_TAGS or metric.startswith("Loss/")


def is_better(metric: str, value: float, than: float, min_delta: float = 0.0) -> bool:
    """Whether a value of a column is better than another by more than `min_delta`."""
    gain = than - value if is_loss(metric) else value - than
    return gain > min_delta


def best_step(metric: str, scores: Mapping[int, float]) -> int | None:
    """The step whose score is best, the first one of equals; one that is no number never is."""
    finite = {step: score for step, score in sorted(scores.items()) if math.isfinite(score)}
    choose = min if is_loss(metric) else max
    return choose(finite, key=finite.__getitem__, default=None)


def known(value: float) -> float | None:
    """The value, or None for COCO's -1: there was no groundtruth of that kind."""
    return None if value == -1 else value
