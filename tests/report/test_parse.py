"""Logs as one table."""

from __future__ import annotations

from pathlib import Path

from odapi_runner.report.parse import parse


def test_an_evaluation_log_gives_its_evaluations_and_a_training_log_its_steps(
    tmp_path: Path,
) -> None:
    """A log of both gives the evaluations; logs of one name are told apart by their folders."""
    training, both = tmp_path / "a" / "x.log", tmp_path / "b" / "x.log"
    for path in (training, both):
        path.parent.mkdir()
    step = "Step {0} per-step time 0.5s loss=1.500\n"
    training.write_text(step.format(100) + step.format(200), "utf-8")
    metric = "Eval metrics at step 200\n\t+ DetectionBoxes_Precision/mAP: 0.250000\n"
    both.write_text(step.format(100) + metric, "utf-8")

    table = parse([training, both])

    assert table["run"].tolist() == ["a/x.log", "a/x.log", "b/x.log"]
    assert table["step"].tolist() == [100, 200, 200]
    assert table["loss_total"].tolist()[:2] == [1.5, 1.5]
    assert table["mAP"].tolist()[2] == 0.25
