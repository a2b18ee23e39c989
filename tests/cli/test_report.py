"""`odapi report`, as typed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.whole_runs import write_run


def odapi(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def run(workspace: Workspace) -> RunDir:
    """A finished run on the ten images of the workspace."""
    return write_run(workspace)


def test_it_is_printed_for_people(run: RunDir) -> None:
    """The checkpoint, its figures, then section by section; nothing on stderr."""
    result = odapi("report", run.name)

    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "뜰-d0, step 400 (best mAP)"
    assert lines[1].startswith("mAP 0.")
    titles = [
        "In words", "Course", "By class and size", "Precision and recall", "Errors by kind",
        "Objects by class", "Confusion", "Worst images", "Speed and memory", "Where it came from",
    ]  # fmt: skip
    assert [line for line in lines if line in titles] == titles
    assert "validation total  █▃▁▂▃  3 at 0 to 1.5 at 800" in lines
    assert lines[lines.index("In words") + 3].startswith("Overfitting since step 400: ")


def test_a_small_threshold_is_told_as_it_is(run: RunDir) -> None:
    """Not as 0.00, which it is not; one of two decimals keeps both."""
    small = odapi("report", run.name, "--threshold", "0.002", "--format", "markdown").stdout
    usual = odapi("report", run.name, "--threshold", "0.3", "--format", "markdown").stdout

    assert "At a score of 0.002" in small
    assert "From a score of 0.002 on." in small
    assert "At a score of 0.30" in usual


def test_markdown_has_headings_and_tables(run: RunDir) -> None:
    """As one pastes it into an issue."""
    lines = odapi("report", run.name, "--format", "markdown").stdout.splitlines()

    assert lines[0] == "# 뜰-d0, step 400 (best mAP)"
    assert "## Errors by kind" in lines
    assert "| kind | a box | number | AP_50 lost |" in lines


def test_json_has_all_of_it(run: RunDir) -> None:
    """Sections by their keys, tables as lists of objects, curves with steps and values."""
    told = json.loads(odapi("report", run.name, "--at", "last", "--format", "json").stdout)

    assert (told["run"], told["step"], told["chosen"]) == ("뜰-d0", 800, "last")
    curve = told["sections"]["course"]["curves"]["validation total"]
    assert curve == {"steps": [0, 200, 400, 600, 800], "values": [3.0, 1.6, 1.0, 1.3, 1.5]}
    best = told["sections"]["thresholds"]["tables"]["The threshold that serves best"]
    assert set(best[0]) == {"class", "threshold", "F1", "F1 at 0.5"}


def test_csv_has_a_line_a_cell(run: RunDir) -> None:
    """Its columns are the same whatever the run: a program reads them."""
    rows = list(csv.DictReader(io.StringIO(odapi("report", run.name, "--format", "csv").stdout)))

    assert set(rows[0]) == {"section", "table", "row", "column", "value"}
    (memory,) = [row for row in rows if row["row"] == "trainer's peak memory"][:1]
    assert (memory["section"], memory["column"], memory["value"]) == ("cost", "value", "1648")


def test_a_page_and_charts_are_written(run: RunDir, tmp_path: Path) -> None:
    """Their paths are what is printed."""
    page, folder = tmp_path / "내 보고서.html", tmp_path / "figures"

    result = odapi("report", run.name, "--html", page, "--charts", folder, "--images", "2")

    charts = [
        "losses", "loss-parts", "metrics", "learning-rate", "ap-by-class", "ap-by-size",
        "precision-recall", "errors", "thresholds", "confusion", "speed",
    ]  # fmt: skip
    files = [folder / f"{name}.{kind}" for name in charts for kind in ("png", "svg")]
    assert result.stdout.splitlines() == [str(page), *map(str, files)]
    assert all(path.stat().st_size > 5000 for path in files)
    text = page.read_text("utf-8")
    assert text.count("data:image/jpeg") == 2
    assert text.count("data:image/svg+xml") == len(charts)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["뜰-d1"], 1, 'no such run in train\n  Did you mean "뜰-d0"?'),
        (["뜰-d0", "--at", "100"], 1, "nothing was evaluated at step 100\n  There are 0, 200, "),
        (["뜰-d0", "--at", "worst"], 2, '\'worst\' is neither "best", "last" nor a step.'),
        (["뜰-d0", "--threshold", "2"], 2, "2.0 is not in the range 0<=x<=1."),
        (["뜰-d0", "--html", "train"], 1, "train: cannot be written (Is a directory)"),
        (["뜰-d0", "--charts", "a-file"], 1, "a-file: charts cannot be written (File exists)"),
        ([], 2, "Missing argument 'RUN'."),
        (
            ["a-file"],
            1,
            "report is of one run\n  If it is a log, read it with: odapi parse a-file",
        ),
    ],
)
def test_bad_input_is_told_in_a_sentence(
    run: RunDir, workspace: Workspace, arguments: list[str], code: int, message: str
) -> None:
    """What, where, and what to do about it."""
    (workspace.root / "a-file").write_text("", "utf-8")

    result = odapi("report", *arguments)

    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""
