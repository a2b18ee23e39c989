"""`odapi parse`, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main

LOG = """\
INFO:tensorflow:Eval metrics at step 100
INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP: 0.134822
INFO:tensorflow:\t+ DetectionBoxes_Precision/mAP (small): -1.000000
INFO:tensorflow:\t+ Loss/total_loss: 1.500000
"""
HEADER = (
    "run,step,mAP,mAP_50,mAP_75,mAP_small,mAP_medium,mAP_large,AR_1,AR_10,AR_100,AR_100_small,"
    "AR_100_medium,AR_100_large,loss_classification,loss_localization,loss_regularization,"
    "loss_total,learning_rate\n"
)
ROW = "eval.log,100,0.134822,,,,,,,,,,,,,,,1.5,\n"


def odapi(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "eval.log"
    path.write_text(LOG, "utf-8")
    return path


def test_a_log_becomes_rows(log: Path) -> None:
    """Every column of odapi's tables, six digits, and an empty cell for -1."""
    result = odapi("parse", log, "--format", "csv")

    assert (result.exit_code, result.stdout) == (0, HEADER + ROW)
    assert result.stderr == f"note: {log}: rows by format: model_main_tf2 (1)\n"


def test_the_same_goes_into_a_file(log: Path, tmp_path: Path) -> None:
    """`--out` writes what `--format csv` prints."""
    result = odapi("parse", log, "--out", tmp_path / "out.csv", "--format", "markdown")

    assert result.exit_code == 0
    assert "| eval.log | 100 | 0.1348 |" in result.stdout
    assert (tmp_path / "out.csv").read_text("utf-8") == HEADER + ROW


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)\n  Give the path of a log file.\n"),
        (b"\0\1\2", "not a text\n  Give the log that training printed.\n"),
        (
            b"nothing here\n",
            (
                "no metrics in this log\n  Its lines should be like "
                '"Step 100 per-step time 0.5s" or "Eval metrics at step 100", or of another '
                "format: odapi parse --help\n"
            ),
        ),
    ],
)
def test_what_is_no_log_takes_two_lines(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Absent, binary, without a metric: what and what to do, exit code 1."""
    path = tmp_path / "x.log"
    if content is not None:
        path.write_bytes(content)

    result = odapi("parse", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {path}: {message}"


@pytest.mark.parametrize("words", [[], ["x.log", "--format", "xml"], ["x.log", "--step", "1"]])
def test_wrong_usage_is_two(words: list[str]) -> None:
    """No log, a format that is none, an option that is none."""
    assert odapi("parse", *words).exit_code == 2
