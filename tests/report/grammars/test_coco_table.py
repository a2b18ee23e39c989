"""COCO's printed table: which line is which metric, boxes and masks, cut lines."""

from __future__ import annotations

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.rows import EvalRow
from support.logs import problems, rows

LINE = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.{}\n"


def test_masks_have_a_table_of_their_own() -> None:
    """Which one it is says the line above; both are one evaluation."""
    text = (
        "Evaluate annotation type *bbox*\n"
        + LINE.format("211")
        + "Evaluate annotation type *segm*\n"
        + LINE.format("125")
    )

    metrics = {"DetectionBoxes_Precision/mAP": 0.211, "DetectionMasks_Precision/mAP": 0.125}
    assert rows(text) == [EvalRow(None, metrics)]
    assert rows(text * 2) == [EvalRow(None, metrics)] * 2


def test_each_table_is_a_row() -> None:
    """The first of the twelve lines begins one."""
    assert rows(LINE.format("211") + LINE.format("311")) == [
        EvalRow(None, {COCO_METRICS[0].tag: 0.211}),
        EvalRow(None, {COCO_METRICS[0].tag: 0.311}),
    ]


def test_a_number_that_lacks_a_digit_is_not_used() -> None:
    """All are printed with three."""
    text = LINE.format("211") + LINE.format("31")

    assert len(rows(text)) == 1
    assert problems(text) == [(2, "a cut line of COCO's table")]


def test_key_points_have_other_lines() -> None:
    """With at most 20 detections: they are none of the twelve, and no fault."""
    text = LINE.format("211").replace("maxDets=100", "maxDets= 20").replace("] = ", "] =  ")

    assert rows(text) == []
    assert problems(text) == []
