"""Tables with commas: Ultralytics' and odapi's, and odapi's events."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.formats.runlog import EventLog
from odapi_runner.report.logs import read_log
from odapi_runner.report.rows import EvalRow
from odapi_runner.rundir import RunDir
from support.logs import problems, rows

# The header is that of Ultralytics 8.3; before 8.1 there were blanks around every cell.
RESULTS = """\
epoch,time,train/box_loss,metrics/precision(B),metrics/mAP50(B),metrics/mAP50-95(B),lr/pg0
1,2474.77,1.02452,0.63697,0.4367,0.32088,0.0672973
2,4949.5,nan,0.64,0.5,0.33,0.03
"""


def test_an_epoch_of_ultralytics_is_an_evaluation() -> None:
    """With the losses of training under their own names."""
    first, second = rows(RESULTS)

    assert first == EvalRow(
        1,
        {
            "time": 2474.77,
            "train/box_loss": 1.02452,
            "metrics/precision(B)": 0.63697,
            "DetectionBoxes_Precision/mAP@.50IOU": 0.4367,
            "DetectionBoxes_Precision/mAP": 0.32088,
            "learning_rate": 0.0672973,
        },
    )
    assert isinstance(second, EvalRow)
    assert second.step == 2


def test_blanks_and_masks_and_older_names() -> None:
    """The cells of 8.0, of a segmentation, and of YOLOv5."""
    text = "  epoch,  metrics/mAP50-95(M),  metrics/mAP_0.5:0.95\n    0,   0.25,   0.5\n"

    assert rows(text) == [
        EvalRow(0, {"DetectionMasks_Precision/mAP": 0.25, "DetectionBoxes_Precision/mAP": 0.5})
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("3,1.0,1.0\n", "a cut row"),
        ("3,1.0,1.0,0.6,0.4,0.3,0.06", "a cut row"),
        ("3,1.0,one,0.6,0.4,0.3,0.06\n", "a row with a cell that is no number"),
        ("3.5,1.0,1.0,0.6,0.4,0.3,0.06\n", "a row without its epoch"),
        ("nan,1.0,1.0,0.6,0.4,0.3,0.06\n", "a row without its epoch"),
        ("18446744073709551616,1,1.0,0.6,0.4,0.3,0.06\n", "a row without its epoch"),
        ('3,"1.0,1.0\n', "a cut row"),
    ],
)
def test_a_row_that_is_not_whole_is_said(line: str, why: str) -> None:
    """The others are read."""
    assert len(rows(RESULTS + line)) == 2
    assert problems(RESULTS + line) == [(4, why)]


def test_a_run_has_a_table_of_metrics() -> None:
    """`metrics.csv`, whose columns are those of every table."""
    text = "step,mAP,mAP_50,loss_total,DetectionBoxes_PerformanceByCategory/mAP/Car\n5,0.5,,1.5,1\n"

    assert rows(text) == [
        EvalRow(
            5,
            {
                "DetectionBoxes_Precision/mAP": 0.5,
                "Loss/total_loss": 1.5,
                "DetectionBoxes_PerformanceByCategory/mAP/Car": 1.0,
            },
        )
    ]


def test_the_events_of_a_run_tell_its_evaluations(tmp_path: Path) -> None:
    """As odapi's evaluator writes them, between others."""
    log = EventLog(RunDir(tmp_path), "eval")
    log.write("evaluating", number=1, step=100)
    log.write("evaluated", number=1, step=100, best=True, mAP=0.25, mAP_50=-1.0)
    (path,) = (tmp_path / "events").iterdir()

    tags = {"DetectionBoxes_Precision/mAP": 0.25, "DetectionBoxes_Precision/mAP@.50IOU": -1.0}
    assert read_log(path).evaluations == (EvalRow(100, tags),)


def test_a_block_of_zeros_is_no_row() -> None:
    """A machine that crashes leaves some; Python's csv takes no cell above 131,072 signs."""
    zeros = "\0" * 200_000
    text = f"step,mAP\n10,0.25\n{zeros}20,0.5\n30,0.75\n"

    assert [row.step for row in rows(text)] == [10, 30]
    assert problems(text) == [(3, "a cut row")]
