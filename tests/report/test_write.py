"""Comparisons as files."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS
from odapi_runner.report.compare import Comparison, compare
from odapi_runner.report.table import table_cells
from odapi_runner.report.write import write_comparison
from odapi_runner.workspace import Workspace
from support.compared import write_run

MARKDOWN = """\
| run | step | mAP | loss_total | note | xla | add_regularization_loss | batch_size |
| --- | --- | --- | --- | --- | --- | --- | --- |
| 007 | 10 | 0.3 | 1 | x | True | True | 4 |
| nan |  |  |  | 3 | False | True | 4 |
| 실험 | 10 | 1 +0.7 | 1 |  |  | False | 8 |
"""


@pytest.fixture
def found(tmp_path: Path) -> Comparison:
    """Settings of every kind: whole numbers, with and without an empty cell, texts, truths."""
    place = Workspace(tmp_path)
    write_run(place.train / "007", {10: 0.1 + 0.2}, options={"xla": True, "note": "x"})
    write_run(place.train / "실험", {10: 1.0}, batch=8, more="add_regularization_loss: false")
    write_run(place.train / "nan", {}, options={"xla": False, "note": 3, "retries": 5})
    return compare(workspace=place, baseline="007", noise=False)


def test_a_csv_survives_pandas(found: Comparison, tmp_path: Path) -> None:
    """With the names of runs as texts it holds what was written, and is written again alike."""
    path = tmp_path / "a b" / "표.csv"
    write_comparison(path, found)

    read = pd.read_csv(
        path,
        dtype={"run": "str"},
        keep_default_na=False,
        na_values={name: "" for name in found.table.columns if name != "run"},
        dtype_backend="numpy_nullable",
    )

    assert read["run"].tolist() == ["007", "nan", "실험"]
    assert read["mAP"].tolist()[0] == 0.1 + 0.2
    assert read["step"].tolist()[0] == 10
    assert read["batch_size"].tolist() == [4, 4, 8]
    assert read.to_csv(index=False, lineterminator="\n") == path.read_text("utf-8")


def test_a_csv_is_read_without_any_option_too(found: Comparison, tmp_path: Path) -> None:
    """As people do: the numbers are those of the table, an empty cell is NaN."""
    path = tmp_path / "out.csv"
    write_comparison(path, found)

    read = pd.read_csv(path)

    assert list(read.columns) == list(found.table.columns)
    pd.testing.assert_series_equal(read["mAP"], found.table["mAP"], check_exact=True)
    assert read["mAP_small"].isna().all()


def test_the_columns_are_in_their_order_whatever_there_is(found: Comparison) -> None:
    """The known ones, the settings by path, the differences: as `compare` says."""
    columns = list(found.table.columns)

    assert columns[: len(COLUMNS)] == list(COLUMNS)
    assert columns[len(COLUMNS) : len(COLUMNS) + 5] == [
        "note",
        "retries",
        "xla",
        "add_regularization_loss",
        "batch_size",
    ]
    assert columns[-1] == "verdict"


def test_parquet_keeps_the_kinds_of_columns(found: Comparison, tmp_path: Path) -> None:
    """Whole numbers with an empty cell, truths; a column of numbers and texts is one of texts."""
    path = tmp_path / "out.parquet"
    write_comparison(path, found)

    read = pd.read_parquet(path)

    assert read["run"].tolist() == ["007", "nan", "실험"]
    assert read["mAP"].tolist()[0] == 0.1 + 0.2
    assert str(read["step"].dtype) == "Int64"
    assert read["batch_size"].tolist() == [4, 4, 8]
    assert read["retries"].isna().tolist() == [True, False, True]
    assert read["xla"].tolist()[:2] == [True, False]
    assert read["note"].tolist()[:2] == ["x", "3"]


def test_json_is_what_the_table_holds(found: Comparison, tmp_path: Path) -> None:
    """null for an empty cell, all digits."""
    path = tmp_path / "out.JSON"
    write_comparison(path, found)

    rows = json.loads(path.read_text("utf-8"))

    columns = list(found.table.columns)
    assert rows == [dict(zip(columns, row, strict=True)) for row in table_cells(found.table)]


def test_markdown_and_latex_are_for_people(found: Comparison, tmp_path: Path) -> None:
    """Empty columns are left out, `retries` of a run without results, too; deltas stay."""
    for name in ("a.md", "a.tex"):
        write_comparison(tmp_path / name, found)

    assert (tmp_path / "a.md").read_text("utf-8") == MARKDOWN
    lines = (tmp_path / "a.tex").read_text("utf-8").splitlines()
    assert lines[:2] == [r"% \usepackage{booktabs}", r"\begin{tabular}{lrrrrllr}"]
    assert lines[7] == r"  실험 & 10 & 1 +0.7 & 1 &  &  & False & 8 \\"


def test_sentences_follow_the_table(found: Comparison, tmp_path: Path) -> None:
    """As a list, and as comments."""
    told = Comparison(found.table, (), ("a is better than b",))
    for name in ("a.md", "a.tex"):
        write_comparison(tmp_path / name, told)

    assert (tmp_path / "a.md").read_text("utf-8").endswith(" |\n\n- a is better than b\n")
    assert (tmp_path / "a.tex").read_text("utf-8").endswith("}\n% a is better than b\n")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("a.cvs", 'Did you mean ".csv"?'),
        ("a", "Give a name that ends with .csv, .json, .md, .tex, .parquet."),
        ("a.xlsx", "Give a name that ends with .csv, .json, .md, .tex, .parquet."),
    ],
)
def test_another_ending_is_refused(found: Comparison, tmp_path: Path, name: str, fix: str) -> None:
    """Nothing is written."""
    with pytest.raises(OdapiError) as error:
        write_comparison(tmp_path / name, found)

    assert error.value.fix == fix
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_what_cannot_be_written_leaves_nothing(
    found: Comparison, tmp_path: Path, name: str
) -> None:
    """A folder in its place; no temporary file stays."""
    (tmp_path / "out" / name).mkdir(parents=True)

    with pytest.raises(OdapiError, match="cannot be written"):
        write_comparison(tmp_path / "out" / name, found)

    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
