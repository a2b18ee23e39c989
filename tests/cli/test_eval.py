"""`odapi eval` with an evaluator that tells more than every evaluation does."""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from odapi_runner import backends
from odapi_runner.cli import main
from odapi_runner.metrics import COLUMNS
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.small_runs import FAKE_ENGINE


def odapi(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_a_program_is_told_every_metric_and_people_those_of_every_table(
    workspace: Workspace, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The columns of metrics.csv, in their order, behind the run's name."""

    def argv(run: RunDir, *, checkpoints: list[int], **_: Any) -> list[str]:
        words = ["eval", str(run.root), "--checkpoint", str(checkpoints[0]), "--category", "사람"]
        return [sys.executable, str(FAKE_ENGINE), *words]

    done = odapi("train", "--run", "d0", "--gpu", "none", "--foreground")
    assert done.exit_code == 0, done.output
    fake = dataclasses.replace(backends.ENGINES["builtin"], evaluator_argv=argv)
    monkeypatch.setitem(backends.ENGINES, "builtin", fake)

    result = odapi("eval", "d0", "--step", "4", "--format", "csv")

    (row,) = csv.DictReader(io.StringIO(result.stdout))
    told = RunDir(workspace.train / "d0").metrics_csv.read_text("utf-8").splitlines()[0]
    assert list(row) == ["run", *told.split(",")]
    assert row["DetectionBoxes_PerformanceByCategory/mAP/사람"] == row["mAP"] == "0.004"
    people = odapi("eval", "d0", "--step", "4", "--format", "markdown").stdout.splitlines()[0]
    assert [cell.strip() for cell in people.strip("|").split("|")] == list(COLUMNS)
