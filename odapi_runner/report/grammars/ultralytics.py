"""Ultralytics' `results.csv`: an epoch a line, its losses and its metrics, blanks around them.

    epoch,time,train/box_loss,…,metrics/precision(B),metrics/recall(B),metrics/mAP50(B),…,lr/pg0
    1,2474.77,1.02452,…,0.63697,0.39349,0.4367,…,0.0672973

Epochs are its steps. Losses keep their names: those of training and of validation stand side by
side. Source: ultralytics/engine/trainer.py (`save_metrics`), utils/metrics.py (`DetMetrics.keys`);
YOLOv5's train.py for the older names.
"""

from __future__ import annotations

from odapi_runner.metrics import COCO_METRICS, LEARNING_RATE
from odapi_runner.report.grammars.grammar import Grammar
from odapi_runner.report.grammars.separated import TableReader

_MAP, _MAP_50 = (metric.tag for metric in COCO_METRICS[:2])
TAGS = {
    "metrics/mAP50-95(B)": _MAP,
    "metrics/mAP50(B)": _MAP_50,
    "metrics/mAP50-95(M)": _MAP.replace("Boxes", "Masks"),
    "metrics/mAP50(M)": _MAP_50.replace("Boxes", "Masks"),
    "metrics/mAP_0.5:0.95": _MAP,
    "metrics/mAP_0.5": _MAP_50,
    "lr/pg0": LEARNING_RATE,
    "x/lr0": LEARNING_RATE,
}


def tag_of(name: str) -> str:
    """The tag of one of Ultralytics' columns; any other name as it is."""
    return TAGS.get(name, name)


def is_header(line: str) -> bool:
    """Whether a file that begins with this line is one."""
    names = [name.strip() for name in line.split(",")]
    return names[0] == "epoch" and any(name.startswith(("metrics/", "train/")) for name in names)


GRAMMAR = Grammar("ultralytics", (), lambda: TableReader("epoch", tag_of))
