"""MMDetection's JSON, in the forms that its loggers' source gives."""

from __future__ import annotations

import pytest

from odapi_runner.report.rows import EvalRow, TrainRow
from support.logs import problems, rows

V2 = """\
{"env_info": "sys.platform: linux", "config": "step=[8, 11]", "seed": 0, "exp_name": "d.py"}
{"mode": "train", "epoch": 1, "iter": 50, "lr": 0.002, "memory": 3000, "data_time": 0.02, \
"loss_cls": 0.5, "loss_bbox": 0.25, "loss": 0.75, "grad_norm": 2.0, "time": 0.3}
{"mode": "val", "epoch": 1, "iter": 5000, "lr": 0.02, "bbox_mAP": 0.301, "bbox_mAP_50": 0.5, \
"bbox_mAP_s": -1.0, "bbox_mAP_copypaste": "0.301 0.500 -1.000", "segm_mAP": 0.25}
"""
V3 = """\
{"lr": 0.002, "data_time": 0.01, "loss": 1.25, "time": 0.3, "epoch": 1, "iter": 50, "step": 50}
{"coco/bbox_mAP": 0.366, "coco/bbox_mAP_l": 0.5, "data_time": 0.01, "time": 0.2, "step": 1}
"""


def test_version_2_counts_the_iterations_of_an_epoch() -> None:
    """A step of training has no number of its own, an evaluation that of its epoch."""
    assert rows(V2) == [
        TrainRow(
            None,
            0.3,
            {
                "epoch": 1.0,
                "iter": 50.0,
                "learning_rate": 0.002,
                "memory": 3000.0,
                "data_time": 0.02,
                "Loss/classification_loss": 0.5,
                "Loss/localization_loss": 0.25,
                "Loss/total_loss": 0.75,
                "grad_norm": 2.0,
            },
        ),
        EvalRow(
            1,
            {
                "learning_rate": 0.02,
                "DetectionBoxes_Precision/mAP": 0.301,
                "DetectionBoxes_Precision/mAP@.50IOU": 0.5,
                "DetectionBoxes_Precision/mAP (small)": -1.0,
                "DetectionMasks_Precision/mAP": 0.25,
            },
        ),
    ]


def test_version_3_says_its_steps() -> None:
    """`scalars.json`; names have a prefix."""
    assert rows(V3) == [
        TrainRow(
            50,
            0.3,
            {
                "learning_rate": 0.002,
                "data_time": 0.01,
                "Loss/total_loss": 1.25,
                "epoch": 1.0,
                "iter": 50.0,
            },
        ),
        EvalRow(
            1,
            {
                "DetectionBoxes_Precision/mAP": 0.366,
                "DetectionBoxes_Precision/mAP (large)": 0.5,
                "data_time": 0.01,
            },
        ),
    ]


@pytest.mark.parametrize(
    "line",
    ["{}\n", "[1, 2]\n", '{"mode": "val"}\n', '{"step": "one", "x": true}\n', '{"a": {"b": 1}}\n'],
)
def test_json_without_a_metric_is_nothing(line: str) -> None:
    """Other objects, and what is none."""
    assert rows(V3 + line) == rows(V3)


def test_a_cut_line_is_said() -> None:
    """As the last one of a run that was killed."""
    text = V2 + '{"mode": "val", "epoch": 2, "iter": 5000, "bbox_mAP": 0.3'

    assert rows(text) == rows(V2)
    assert problems(text) == [(4, "a cut line of JSON")]


def test_numbers_that_no_float_holds_are_left_out() -> None:
    """JSON has no limit to its digits."""
    row = rows('{"loss": 1.0, "lr": 1' + "0" * 400 + ', "step": 1}\n')

    assert row == [TrainRow(1, None, {"Loss/total_loss": 1.0})]
