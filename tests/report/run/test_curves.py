"""The curves of a run, from its event files and its evaluations."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from odapi_runner.report.rows import EvalRow
from odapi_runner.report.run.curves import build_evaluated, read_training, thin
from odapi_runner.report.run.document import Curve
from odapi_runner.rundir import RunDir
from support.whole_runs import write_curves

MAP = "DetectionBoxes_Precision/mAP"


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    (tmp_path / "run").mkdir()
    return RunDir(tmp_path / "run")


def test_a_resumed_run_has_each_step_once(run: RunDir) -> None:
    """It was killed at 400 and went on from 200: what came after 200 the first time is gone."""
    write_curves(run, {"Loss/total_loss": [(100, 4), (200, 3), (300, 2), (400, 1)]}, 1)
    write_curves(run, {"Loss/total_loss": [(250, 2.5), (350, 1.5)]}, 2)

    curve = read_training(run)["loss_total"]

    assert curve == Curve("loss_total", (100, 200, 250, 350), (4.0, 3.0, 2.5, 1.5))


def test_what_is_no_number_is_no_point(run: RunDir) -> None:
    """A loss that became NaN ends its curve; others go on."""
    write_curves(run, {"Loss/total_loss": [(1, 2), (2, math.nan), (3, math.inf)], "x": [(3, 1)]})

    curves = read_training(run)

    assert curves["loss_total"] == Curve("loss_total", (1,), (2.0,))
    assert curves["x"] == Curve("x", (3,), (1.0,))


def test_a_file_that_is_being_written_is_read_up_to_where_it_is_whole(run: RunDir) -> None:
    """As it is while the run trains."""
    path = write_curves(run, {"Loss/total_loss": [(1, 2), (2, 1)]})
    path.write_bytes(path.read_bytes()[:-3])

    assert read_training(run)["loss_total"].steps == (1,)
    assert read_training(RunDir(run.root / "nothing")) == {}


def test_evaluations_without_a_value_have_no_point() -> None:
    """COCO's -1, and a row that names no step."""
    rows = [
        EvalRow(20, {MAP: 0.5, "DetectionBoxes_Precision/mAP@.50IOU": -1}),
        EvalRow(10, {MAP: 0.25, "Loss/total_loss": -1.0}),
        EvalRow(None, {MAP: 0.75}),
    ]

    assert build_evaluated(rows) == {
        "mAP": Curve("mAP", (10, 20), (0.25, 0.5)),
        "loss_total": Curve("loss_total", (10,), (-1.0,)),
    }


def test_a_long_curve_is_thinned_to_means() -> None:
    """A straight line stays one, its last point stays, and short ones are left alone."""
    line = Curve("x", tuple(range(1000)), tuple(map(float, range(1000))))

    thinned = thin(line, 100)

    assert len(thinned.steps) == 100
    assert thinned.steps[-1] == thinned.values[-1] == 999
    assert list(thinned.steps) == sorted(set(thinned.steps))
    # A mean of at most eleven neighbours is at most five below the last of them.
    assert all(
        0 <= step - value <= 5 for step, value in zip(thinned.steps, thinned.values, strict=True)
    )
    assert thin(line, 1000) is line
