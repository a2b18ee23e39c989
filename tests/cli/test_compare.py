"""`odapi compare`, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main

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
    """An absent log; a folder without a run in it."""
    given = logs / source if source else logs

    result = odapi("compare", given, "-w", logs)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {given}: {message}"


@pytest.mark.parametrize("words", [["--at", "first"], ["--at", "-1"], ["--out"], ["--sort", "x"]])
def test_wrong_usage_is_two(words: list[str]) -> None:
    """A step that is none, an option without its value, an option that is none."""
    assert odapi("compare", "a.log", *words).exit_code == 2
