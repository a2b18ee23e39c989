"""Tables: one call for all formats, and for terminals of any width."""

from __future__ import annotations

import json
import sys

import click
import pytest

from odapi_runner.cli.tables import print_table
from odapi_runner.report.render import Cell

COLUMNS = ["run", "mAP", "note"]
ROWS = [["가-1", 0.123456789, None], ["b|c", 2, "x"]]


MARKDOWN = """\
| run | mAP | note |
| --- | --- | --- |
| 가-1 | 0.1235 |  |
| b\\|c | 2 | x |
"""
TABLE = """\
 run       mAP   note
 ────────────────────
 가-1   0.1235
 b|c         2   x
"""
SIDEWAYS = """\
 run    가-1     b|c
 ───────────────────
 mAP    0.1235   2
 note            x
"""


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [
        ("csv", "run,mAP,note\n가-1,0.123456789,\nb|c,2,x\n"),
        ("markdown", MARKDOWN),
        ("table", TABLE),
    ],
)
def test_formats(output_format: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All digits for programs, four for people; None is an empty cell."""
    print_table(COLUMNS, ROWS, output_format)

    assert capsys.readouterr().out == expected


def test_json_keeps_types(capsys: pytest.CaptureFixture[str]) -> None:
    """A list of objects, null for None."""
    print_table(COLUMNS, ROWS, "json")

    rows = json.loads(capsys.readouterr().out)
    assert rows == [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]


def test_a_table_wider_than_the_terminal_is_turned_on_its_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing wraps: the columns become lines."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")

    print_table(COLUMNS, ROWS, "table")

    assert capsys.readouterr().out == SIDEWAYS


def test_a_table_whose_names_do_not_fit_is_stacked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No name is cut in the middle; COLUMNS counts without a terminal, too."""
    monkeypatch.setenv("COLUMNS", "24")
    rows = [["train_config.batch_size", 8, "16"], ["train_config.num_steps", None, "300"]]

    print_table(["field", "가", "other"], rows, "table")

    assert capsys.readouterr().out == (
        "train_config.batch_size\n  가     8\n  other  16\ntrain_config.num_steps\n  other  300\n"
    )


def test_a_table_of_sentences_is_folded_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as each word fits."""
    monkeypatch.setenv("COLUMNS", "24")
    rows = [["path", "folders are separated by a slash"], ["warm-up", "it has steps"]]

    print_table(["rule", "looks for"], rows, "table")

    assert capsys.readouterr().out == (
        " rule      looks for\n ──────────────────────\n path      folders are\n"
        "           separated by\n           a slash\n warm-up   it has steps\n"
    )


def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They take no width; with NO_COLOR, in a pipe and in other formats there are none."""
    rows = [["a", Cell("0.5 +0.1", "green")], ["b", Cell("0.3 -0.1", "red")]]
    plain = " run        mAP\n ──────────────\n a     0.5 +0.1\n b     0.3 -0.1\n"
    markdown = "| run | mAP |\n| --- | --- |\n| a | 0.5 +0.1 |\n| b | 0.3 -0.1 |\n"

    def printed(output_format: str = "table") -> str:
        print_table(["run", "mAP"], rows, output_format)
        return capsys.readouterr().out

    assert (printed(), printed("markdown")) == (plain, markdown)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    coloured = printed()
    monkeypatch.setenv("COLUMNS", "14")  # stacked
    stacked = printed()
    monkeypatch.setenv("NO_COLOR", "1")

    assert coloured != plain
    assert click.unstyle(coloured) == plain
    assert "\x1b[32m0.5 +0.1" in coloured
    assert "\x1b[31m0.3 -0.1" in coloured
    assert "\x1b[32m0.5 +0.1" in stacked
    assert "\x1b" not in printed()


LATEX = """\
\\begin{tabular}{lrl}
  \\toprule
  run & mAP\\_50 & note \\\\
  \\midrule
  50\\% \\& more & $-$0.25 ($-$0.1) &  \\\\
  a-2 & 0.1235 & x\\textasciicircum{}2 \\\\
  \\bottomrule
\\end{tabular}
"""


def test_latex_is_a_tabular_whose_signs_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers stand on the right, a minus is one; the rules are those of booktabs."""
    rows = [["50% & more", Cell("-0.25 (-0.1)"), None], ["a-2", 0.123456, "x^2"]]

    print_table(["run", "mAP_50", "note"], rows, "latex")

    assert capsys.readouterr().out == LATEX
