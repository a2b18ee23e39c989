"""Rows as a table."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS
from odapi_runner.report.names import shorten
from odapi_runner.report.rows import EvalRow, TrainRow
from odapi_runner.report.table import build_record, build_table, table_cells, write_csv


def test_minus_one_of_a_metric_is_an_empty_cell_and_of_a_loss_a_number() -> None:
    """COCO says -1 where there is no groundtruth of that size; a loss of -1 is a loss of -1."""
    row = EvalRow(
        7,
        {
            "DetectionBoxes_Precision/mAP": 0.5,
            "DetectionBoxes_Precision/mAP (small)": -1.0,
            "DetectionBoxes_PerformanceByCategory/mAP/car": -1.0,
            "Loss/total_loss": -1.0,
        },
    )

    assert build_record("a", row) == {"run": "a", "step": 7, "mAP": 0.5, "loss_total": -1.0}


def test_the_known_columns_come_first_and_then_the_log_s_own() -> None:
    """All columns of every table in their order; tags without a column keep their name."""
    train = TrainRow(100, 0.5, {"Loss/RPNLoss/localization_loss": 0.25, "learning_rate": 0.125})
    table = build_table([build_record("a", train), build_record("b", EvalRow(None, {}))])

    assert list(table.columns) == [*COLUMNS, "Loss/RPNLoss/localization_loss", "seconds_per_step"]
    first, second = table_cells(table)
    assert first == ["a", 100, *[None] * 16, 0.125, 0.25, 0.5]
    assert second == ["b", None, *[None] * 19]


def test_no_rows_are_a_table_too() -> None:
    """The columns stand though there is nothing below them."""
    assert list(build_table([]).columns) == list(COLUMNS)


def test_a_csv_keeps_digits_integers_and_empty_cells(tmp_path: Path) -> None:
    """All digits of a float, a step without ".0", nothing for nothing, Korean as it is."""
    records = [
        {"run": "실험", "step": 100, "mAP": 0.1 + 0.2, "loss_total": math.inf, "seed": 1},
        {"run": "b", "step": None, "seed": None},
    ]
    path = tmp_path / "새 폴더" / "out.csv"

    write_csv(path, build_table(records))

    empty = "," * (len(COLUMNS) - 3)
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS) + ",seed"
    assert lines[1] == "실험,100,0.30000000000000004" + "," * 15 + "inf,,1"
    assert lines[2] == f"b,,{empty},"


def test_a_csv_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder in its place: two lines, no traceback."""
    with pytest.raises(OdapiError, match="cannot be written"):
        write_csv(tmp_path, build_table([]))


@pytest.mark.parametrize(
    ("full", "taken", "short"),
    [
        (["a.x", "b.y"], [], ["x", "y"]),
        (["a.x", "b.x", "b.y"], [], ["a.x", "b.x", "y"]),
        (["a.step"], ["step"], ["a.step"]),
        (["x"], [], ["x"]),
        ([], [], []),
    ],
)
def test_a_name_is_short_where_it_means_one_thing(
    full: list[str], taken: list[str], short: list[str]
) -> None:
    """The last part, or the whole where two would be alike or the column is there already."""
    assert shorten(full, ".", taken) == short
