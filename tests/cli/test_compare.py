"""`odapi compare`, as typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from support.compared import simulate, write_run

NO_COLUMN = "neither a column nor a setting of these runs"
EVALUATION = "Eval metrics at step {step}\n\t+ DetectionBoxes_Precision/mAP: {value:f}\n"


def odapi(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A workspace with two logs of two evaluations each, and a text that is none."""
    for name, value in (("a.log", 0.25), ("b.log", 0.5)):
        text = EVALUATION.format(step=1, value=value) + EVALUATION.format(step=2, value=0.125)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "README.md").write_text("About these logs.\n", "utf-8")
    return tmp_path


def test_one_row_a_source_on_stdout_and_notes_on_stderr(logs: Path) -> None:
    """The best step of each; what cannot be compared is told beside the table."""
    result = odapi("compare", *sorted(logs.iterdir()), "--format", "csv", "-w", logs)

    assert result.exit_code == 0
    assert [line.split(",")[:3] for line in result.stdout.splitlines()] == [
        ["run", "step", "mAP"],
        ["a.log", "1", "0.25"],
        ["b.log", "1", "0.5"],
    ]
    assert result.stderr == f"note: skipped {logs / 'README.md'}: no metrics in this log\n"


@pytest.mark.parametrize(("at", "value"), [("last", "0.125"), ("2", "0.125"), ("best", "0.25")])
def test_the_step_can_be_chosen(logs: Path, at: str, value: str) -> None:
    """The last one, one by its number, the best."""
    out = logs / "out" / "compare.csv"

    result = odapi("compare", logs / "a.log", "--at", at, "--out", out, "-w", logs)

    assert result.exit_code == 0
    assert out.read_text("utf-8").splitlines()[1].split(",")[2] == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("c.log", "there is no such run or log\n  Give a folder below train/, or a log.\n"),
        ("", "nothing to compare\n  Start a run: odapi train NAME\n"),
    ],
)
def test_nothing_to_compare_takes_two_lines(logs: Path, source: str, message: str) -> None:
    """An absent log; a folder without anything in it."""
    (logs / "empty").mkdir()
    given = logs / (source or "empty")

    result = odapi("compare", given, "-w", logs)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {given}: {message}"


@pytest.mark.parametrize(
    "words", [["--at", "first"], ["--at", "-1"], ["--out"], ["--where", "mAP"], ["--by", "map"]]
)
def test_wrong_usage_is_two(words: list[str]) -> None:
    """A step that is none, an option without its value, an option that is none."""
    assert odapi("compare", "a.log", *words).exit_code == 2


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A workspace of two runs, of which the second is clearly better."""
    truth, few, many = simulate(60, (1 / 3, 5 / 6))
    write_run(tmp_path / "train" / "few", {10: 0.25, 20: 0.375}, found=few, truth=truth)
    write_run(tmp_path / "train" / "many", {10: 0.75}, batch=8, found=many, truth=truth)
    return tmp_path


def test_differences_from_a_baseline_and_what_they_mean(runs: Path) -> None:
    """In the cell of the metric with their interval; below the table in a sentence."""
    result = odapi("compare", "--baseline", "few", "-w", runs)

    assert result.exit_code == 0
    header, _, few, many, empty, sentence = result.stdout.splitlines()
    assert header.split() == ["run", "step", "mAP", "loss_total", "batch_size", "verdict"]
    assert few.split() == ["few", "20", "0.375", "2", "4"]
    assert re.fullmatch(r" many\s+10\s+0.7500 \+0.3750 ± 0.\d{4}\s+1 -1\s+8\s+better", many)
    assert empty == ""
    assert re.fullmatch(
        r"many at step 10 is better than few at step 20 by 0\.\d{3} ± 0\.\d{3} mAP "
        "on these 60 images",
        sentence,
    )


def test_the_files_hold_the_columns_of_the_test(runs: Path) -> None:
    """For programs every figure has a column of its own."""
    out = runs / "out.csv"
    words = ["--baseline", "few", "--out", out, "--format", "json", "-w", runs]

    result = odapi("compare", *words)

    few, many = json.loads(result.stdout)
    columns = out.read_text("utf-8").splitlines()[0].split(",")
    assert columns == list(few)
    assert columns[-7:-3] == ["verdict", "mAP_low", "mAP_high", "mAP_p"]
    assert (few["verdict"], many["verdict"]) == (None, "better")
    assert 0 < many["mAP_low"] < many["mAP_high"]
    quick = odapi("compare", *words, "--no-noise")
    assert "mAP_low" not in quick.stdout
    assert [row["mAP_delta"] for row in json.loads(quick.stdout)] == [0, 0.375]


def test_rows_are_chosen_and_put_in_order(runs: Path) -> None:
    """One a checkpoint; by any setting; the best first."""
    words = ["--steps", "--where", "mAP>0.3", "--sort", "mAP", "--format", "csv", "-w", runs]

    result = odapi("compare", *words)

    rows = [line.split(",")[:3] for line in result.stdout.splitlines()[1:]]
    assert rows == [["many", "10", "0.75"], ["few", "20", "0.375"]]


@pytest.mark.parametrize(
    ("at", "instead"), [("20", "--where step=20"), ("best", "--at without --steps")]
)
def test_all_steps_and_one_of_them_do_not_go_together(runs: Path, at: str, instead: str) -> None:
    """A budget of images does: it has a column."""
    result = odapi("compare", "--steps", "--at", at, "-w", runs)

    assert result.exit_code == 2
    assert f"--at chooses one of each run; give {instead}." in " ".join(result.stderr.split())
    columns = odapi("compare", "--steps", "--at", "images", "-w", runs).stdout.splitlines()[0]
    assert "images" in columns.split()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--out", "out.cvs"],
            'out.cvs: what ".cvs" is to be is not known\n  Did you mean ".csv"?',
        ),
        (
            ["--sort", "batch_sise"],
            f'"batch_sise" is {NO_COLUMN}\n  Did you mean "batch_size"?',
        ),
        (
            ["--baseline", "fwe"],
            'fwe: there is no such run or log\n  Did you mean "few"?',
        ),
    ],
)
def test_what_is_not_there_takes_two_lines(runs: Path, words: list[str], message: str) -> None:
    """And exit code 1."""
    result = odapi("compare", *words, "-w", runs)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {message}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at", "first"], '"first" is neither "best", "last", a step, "images" nor "images=N".'),
        (["--where", "mAP"], '"mAP" is not NAME=VALUE, as in batch_size>=8.'),
        (["--by", "map"], 'there is no metric "map". Did you mean "mAP"'),
    ],
)
def test_what_is_wrong_is_said(words: list[str], message: str) -> None:
    """In a sentence, with what would be right."""
    result = odapi("compare", *words)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_the_runs_of_the_table_are_exported(runs: Path) -> None:
    """Those that the conditions leave; where they are now is told beside the table."""
    words = ["--where", "batch_size=8", "--to", "tensorboard", "--format", "csv", "-w", runs]

    result = odapi("compare", *words)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("many,10,")
    assert result.stderr == f"many: {runs / 'tensorboard' / 'many'}\n"
    assert [path.name for path in (runs / "tensorboard").iterdir()] == ["many"]


def test_an_export_to_nobody_is_wrong_usage(runs: Path) -> None:
    """Before anything is read."""
    result = odapi("compare", "--to", "mlfow", "-w", runs)

    assert result.exit_code == 2
    assert 'nothing is exported to "mlfow". Did you mean "mlflow"?' in " ".join(
        result.stderr.split()
    )
