"""MMDetection's JSON: one object a line, of version 2 (`*.log.json`) and 3 (`scalars.json`).

    {"mode": "train", "epoch": 1, "iter": 50, "lr": 0.002, "time": 0.3, "loss": 1.2}
    {"mode": "val", "epoch": 1, "iter": 5000, "lr": 0.02, "bbox_mAP": 0.3, "bbox_mAP_50": 0.5}

    {"lr": 0.002, "data_time": 0.01, "loss": 1.2, "time": 0.3, "epoch": 1, "iter": 50, "step": 50}
    {"coco/bbox_mAP": 0.366, "coco/bbox_mAP_50": 0.57, "data_time": 0.01, "time": 0.2, "step": 1}

What counts in epochs has them for its steps: an evaluation of version 2, and one of version 3
whose training does. Version 2 counts the iterations of each epoch anew, so that a row of its
training has no step, but the columns `epoch` and `iter`.
Source: mmcv/runner/hooks/logger/text.py (`TextLoggerHook`), mmengine/hooks/logger_hook.py,
mmengine/visualization/vis_backend.py (`LocalVisBackend.add_scalars`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from odapi_runner.metrics import COCO_METRICS, LEARNING_RATE, LOSS_TAGS
from odapi_runner.report.grammars.grammar import Grammar, as_step
from odapi_runner.report.rows import EvalRow, Row, TrainRow, Unused

_SIX = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")
_BOXES = {f"bbox_{name}": metric.tag for name, metric in zip(_SIX, COCO_METRICS, strict=False)}
_MASKS = {
    name.replace("bbox", "segm"): tag.replace("Boxes", "Masks") for name, tag in _BOXES.items()
}
TAGS = {
    **_BOXES,
    **_MASKS,
    "loss": LOSS_TAGS["loss_total"],
    "loss_cls": LOSS_TAGS["loss_classification"],
    "loss_bbox": LOSS_TAGS["loss_localization"],
    "lr": LEARNING_RATE,
}
_NOT_METRICS = {"step", "time", "mode"}


def tag_of(name: str) -> str:
    """The tag of a metric or a loss of MMDetection's; any other name as it is."""
    return TAGS.get(name.removeprefix("coco/"), name)


class _Reader:
    is_open = False

    def read(self, line: str) -> Sequence[Row | Unused]:
        start, end = line.find("{"), line.rfind("}")
        if start < 0:
            return ()
        try:
            told = json.loads(line[start : end + 1])
        except (ValueError, RecursionError):
            return (Unused("a cut line of JSON", line),) if '"mode"' in line else ()
        # odapi's events have metrics of these names, too; each says its kind.
        row = _row(told) if isinstance(told, dict) and "kind" not in told else None
        return (row,) if row else ()

    def close(self) -> Sequence[Row | Unused]:
        return ()


def _row(told: Mapping[str, Any]) -> Row | None:
    numbers = {name: _number(value) for name, value in told.items() if name not in _NOT_METRICS}
    values = {tag_of(name): value for name, value in numbers.items() if value is not None}
    number = as_step(told.get("step", told.get("epoch") if told.get("mode") == "val" else None))
    if told.get("mode", "train") == "train" and LOSS_TAGS["loss_total"] in values:
        return TrainRow(number, _number(told.get("time")), values)
    if any("mAP" in name or name.startswith("coco/") for name in told):
        metrics = {tag: value for tag, value in values.items() if tag not in {"iter", "epoch"}}
        return EvalRow(number, metrics) if metrics else None
    return None


def _number(value: object) -> float | None:
    """A number of JSON's as a float; None of anything else, and of what no float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


GRAMMAR = Grammar("mmdetection", (), _Reader)
