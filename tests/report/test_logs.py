"""Reading a log file: what is one, what is not, and the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from odapi_runner.errors import DataError
from odapi_runner.report.compare import compare
from odapi_runner.report.logs import parse_log, read_log, read_logs
from odapi_runner.report.rows import ParsedLog, TrainRow
from odapi_runner.workspace import Workspace


def test_a_text_without_metrics_has_no_rows() -> None:
    """Lines that are nobody's are nothing."""
    assert parse_log(["Hello\n", "Step 100\n", "+ a: 1.0\n"]) == ParsedLog((), ())


def test_a_log_is_read_from_a_korean_path_with_bytes_that_are_no_utf_8(tmp_path: Path) -> None:
    """Neither the folder's name nor a stray byte keeps a log from being read."""
    path = tmp_path / "실험 1" / "train.log"
    path.parent.mkdir()
    path.write_bytes("한글\n".encode("cp949") + b"Step 100 per-step time 0.5s loss=1.250\n")

    assert read_log(path).train == (TrainRow(100, 0.5, {"Loss/total_loss": 1.25}),)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"\x7fELF\0\0Step 100 per-step time 0.5s", "not a text"),
        (b"", "no metrics in this log"),
        (b"Step 100 of 200\n", "no metrics in this log"),
    ],
)
def test_what_is_no_log_is_said(tmp_path: Path, content: bytes | None, what: str) -> None:
    """Absent, binary, empty or without metrics: a DataError that names the file."""
    path = tmp_path / "x.log"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DataError) as caught:
        read_log(path)

    assert caught.value.what == f"{path}: {what}"


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    """Unless event files lie in it."""
    with pytest.raises(DataError, match="a folder without event files"):
        read_log(tmp_path)


def test_the_evaluation_of_the_real_model_main_tf2(reference: Path) -> None:
    """One evaluation, at step 1000, with the six digits and not the three of the table."""
    parsed = read_log(reference / "logs" / "model_main_tf2_eval.log")

    assert parsed.train == ()
    (row,) = parsed.evaluations
    assert row.step == 1000
    assert len(row.metrics) == 16
    assert row.metrics["DetectionBoxes_Precision/mAP"] == 0.134822
    assert row.metrics["DetectionBoxes_Precision/mAP (small)"] == -1
    assert row.metrics["Loss/total_loss"] == 1.043772


def test_the_training_of_the_real_model_main_tf2(reference: Path) -> None:
    """Ten steps of a hundred, each once, with numpy 2's values."""
    parsed = read_log(reference / "logs" / "model_main_tf2_train.log")

    assert parsed.evaluations == ()
    assert [row.step for row in parsed.train] == list(range(100, 1001, 100))
    assert parsed.train[-1] == TrainRow(
        1000,
        0.523,
        {
            "Loss/classification_loss": 0.35638776,
            "Loss/localization_loss": 0.3087259,
            "Loss/regularization_loss": 0.008582844,
            "Loss/total_loss": 0.6736965,
            "learning_rate": 0.0,
        },
    )


def test_a_step_that_a_resumed_run_has_told_again_counts_once(tmp_path: Path) -> None:
    """The later row, which says so."""
    path = tmp_path / "train.log"
    lines = [f"Step {step} per-step time 0.5s loss={loss}\n" for step, loss in STEPS]
    path.write_text("".join(lines), "utf-8")

    assert read_log(path).train == (
        TrainRow(100, 0.5, {"Loss/total_loss": 1.0}),
        TrainRow(200, 0.5, {"Loss/total_loss": 0.5}, times=2),
        TrainRow(300, 0.5, {"Loss/total_loss": 0.25}),
    )


STEPS = ((100, "1.000"), (200, "0.750"), (200, "0.500"), (300, "0.250"))


def test_the_runs_of_a_log_are_compared_as_runs(tmp_path: Path) -> None:
    """And the experiments of a notebook beside them."""
    log, notes = tmp_path / "eval.log", tmp_path / "notes.txt"
    evaluation = "Eval metrics at step 100\n\t+ DetectionBoxes_Precision/mAP: {:f}\n"
    log.write_text("".join(map(evaluation.format, (0.25, 0.5))), "utf-8")
    notes.write_text("1\n  =\n    mAP = 0.75\n", "utf-8")

    table = compare([log, notes], workspace=Workspace(tmp_path)).table

    assert dict(zip(table["run"], table["mAP"], strict=True)) == {
        "eval.log:1": 0.25,
        "eval.log:2": 0.5,
        "notes.txt": 0.75,
    }


def test_printed_tables_are_evaluations_of_their_own(tmp_path: Path) -> None:
    """Though none names a step: the best is compared, and each with `steps`."""
    path = tmp_path / "coco.log"
    line = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {:.3f}\n"
    path.write_text("".join(map(line.format, (0.25, 0.5, 0.125))), "utf-8")
    workspace = Workspace(tmp_path)

    assert compare([path], workspace=workspace).table["mAP"].tolist() == [0.5]
    assert compare([path], workspace=workspace, at="last").table["mAP"].tolist() == [0.125]
    assert compare([path], workspace=workspace, steps=True).table["mAP"].tolist() == [
        0.25,
        0.5,
        0.125,
    ]


def test_several_runs_in_one_log_are_told_apart(tmp_path: Path) -> None:
    """As with `>>`; who asks for one is told their names."""
    path = tmp_path / "train.log"
    lines = [f"Step {step} per-step time 0.5s loss=1.500\n" for step in (100, 200, 100, 200)]
    path.write_text("".join(lines), "utf-8")

    one, two = read_logs(path)

    assert (one.name, two.name) == ("1", "2")
    assert [row.step for row in one.train] == [row.step for row in two.train] == [100, 200]
    with pytest.raises(DataError, match="holds several runs: 1, 2"):
        read_log(path)
