"""`odapi parse`, as typed."""

from __future__ import annotations

import gzip
import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from odapi_runner.cli import main
from odapi_runner.formats.event_file import Event
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.report.parse import parse

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


@pytest.mark.parametrize("name", ["out.json", "out"])
def test_a_file_that_is_called_something_else_is_refused(
    log: Path, tmp_path: Path, name: str
) -> None:
    """A program that reads JSON would find a CSV in it."""
    result = odapi("parse", log, "--out", tmp_path / name)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name} should end with .csv" in " ".join(result.stderr.split())
    assert not (tmp_path / name).exists()


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


TRAINING = "INFO:tensorflow:Step {0} per-step time 0.5s loss={1:.3f}\n"


def test_what_could_not_be_used_is_said_and_with_strict_it_is_an_error(tmp_path: Path) -> None:
    """With its line; the rest is read."""
    path = tmp_path / "x.log"
    path.write_text(TRAINING.format(100, 1.5) + "INFO:tensorflow:Step per-step time 1s\n", "utf-8")
    why = "2: a step without its number or its time: INFO:tensorflow:Step per-step time 1s"

    result = odapi("parse", path, "--format", "json")
    strict = odapi("parse", path, "--strict")

    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["loss_total"] == 1.5
    assert f"note: {path}:{why}\n" in result.stderr
    assert (strict.exit_code, strict.stdout) == (1, "")
    assert f"Error: {path}:{why}\n" in strict.stderr


def test_rows_of_training_that_stand_beside_evaluations_are_counted(tmp_path: Path) -> None:
    """So that the rows that were read are those of the table and those left out."""
    path = tmp_path / "x.log"
    evaluated = "Saving dict for global step {0}: global_step = {0}, loss = 0.5\n"
    trained = "INFO:tensorflow:loss = 1.5, step = {0}\n"
    path.write_text("".join(trained.format(n) + evaluated.format(n) for n in (1, 2, 3)), "utf-8")

    result = odapi("parse", path, "--format", "json")

    assert len(json.loads(result.stdout)) == 3
    assert result.stderr == (
        f"note: {path}: rows by format: estimator (6)\n"
        "note: rows of training left out beside evaluations: 3\n"
    )


def test_a_step_that_is_told_again_is_one_row_that_says_so(tmp_path: Path) -> None:
    """The later row counts; only a log with such has the column."""
    path = tmp_path / "x.log"
    path.write_text(TRAINING.format(100, 1.5) + TRAINING.format(100, 0.5), "utf-8")

    result = odapi("parse", path, "--format", "csv")

    header, row = (line.split(",") for line in result.stdout.splitlines())
    told = dict(zip(header, row, strict=True))
    assert (told["step"], told["loss_total"], told["times_told"]) == ("100", "0.5", "2")
    assert "note: 1 steps are told again; the later rows count\n" in result.stderr


@pytest.mark.parametrize("output_format", ["csv", "json", "table", "markdown"])
def test_a_table_is_the_same_in_every_format_and_as_a_call(
    tmp_path: Path, output_format: str
) -> None:
    """A training that is no number any more is empty in CSV, null in JSON; inf is null there."""
    path = tmp_path / "x.log"
    told = (TRAINING.format(*row) for row in ((100, math.nan), (200, 0.125), (300, math.inf)))
    path.write_text("".join(told), "utf-8")

    result = odapi("parse", path, "--format", output_format, "--out", tmp_path / "out.csv")

    frame = parse([path])
    read = pd.read_csv(tmp_path / "out.csv").astype(frame.dtypes)
    pd.testing.assert_frame_equal(read, frame)
    assert "nan" not in (tmp_path / "out.csv").read_text("utf-8")
    shown = {"csv": ",0.125,", "json": '"loss_total": 0.125', "table": "0.125"}
    assert shown.get(output_format, "| 0.125 |") in result.stdout
    if output_format == "json":
        assert [row["loss_total"] for row in json.loads(result.stdout)] == [None, 0.125, None]


def test_a_notebook_gives_its_experiments_and_patches(tmp_path: Path) -> None:
    """Texts of many lines whole in JSON, and their first line in a table."""
    path = tmp_path / "notes.txt"
    path.write_text(
        "2\n  =\n    mAP = 0.5\n  note\n    one\n    two\n\n1\n  set\n    a { b: 1 }\n", "utf-8"
    )

    result = odapi("parse", path, "--format", "json", "--patches", tmp_path / "patches")
    table = odapi("parse", path)

    one, two = json.loads(result.stdout)
    assert (one["run"], one["set"], two["run"]) == ("notes.txt:1", "a { b: 1 }\n", "notes.txt:2")
    assert (two["mAP"], two["note"]) == (0.5, "one\ntwo\n")
    assert (tmp_path / "patches" / "notes-1.txt").read_text("utf-8") == "set\n  a { b: 1 }\n"
    assert f"wrote {tmp_path / 'patches' / 'notes-1.txt'}\n" in result.stderr
    assert "one …" in table.stdout


def test_a_log_may_come_through_a_pipe() -> None:
    """`zcat old.log.gz | odapi parse -`."""
    done = subprocess.run(
        [sys.executable, "-m", "odapi_runner", "parse", "-", "--format", "csv"],
        input=LOG, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == HEADER + ROW.replace("eval.log", "-")


def test_patches_of_standard_input_are_written_too(tmp_path: Path) -> None:
    """Which gives its bytes once, and to one log."""
    _, said = piped("-", "--patches", tmp_path / "p", given=b"3\n  set\n    a { b: 1 }\n")
    _, twice = piped("-", "-", given=LOG.encode(), returncode=1)

    assert (tmp_path / "p" / "stdin-3.txt").read_text("utf-8") == "set\n  a { b: 1 }\n"
    assert said.endswith(f"wrote {tmp_path / 'p' / 'stdin-3.txt'}\n")
    assert twice == "Error: -: standard input is closed, or read already\n  Give - once.\n"


def test_no_patch_replaces_another(tmp_path: Path) -> None:
    """Of notebooks of one name none is written, of experiments of one number each."""
    notebooks = [tmp_path / "a" / "notes.txt", tmp_path / "b" / "notes.txt"]
    for path in notebooks:
        path.parent.mkdir()
        path.write_text("1\n  set\n    a: 1\n1\n  set\n    b: 1\n", "utf-8")

    both = odapi("parse", *notebooks, "--patches", tmp_path / "both")
    one = odapi("parse", notebooks[0], "--patches", tmp_path / "one", "--format", "json")

    assert both.exit_code == 1
    assert f"{notebooks[1]}: experiment 1 would replace another one's" in both.stderr
    assert not (tmp_path / "both").exists()
    texts = {path.name: path.read_text("utf-8") for path in (tmp_path / "one").iterdir()}
    assert texts == {"notes-1.txt": "set\n  a: 1\n", "notes-1-2.txt": "set\n  b: 1\n"}
    assert [row["run"] for row in json.loads(one.stdout)] == ["notes.txt:1", "notes.txt:1-2"]
    assert parse([notebooks[0]])["set"].tolist() == ["a: 1\n", "b: 1\n"]


def piped(*words: str | Path, given: bytes, returncode: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "odapi_runner", "parse", *words],
        input=given, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == returncode, done.stderr
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("packed", [False, True])
def test_whatever_has_a_path_may_come_through_a_pipe(tmp_path: Path, packed: bool) -> None:
    """Logs and event files, packed or not."""
    events = tmp_path / "events"
    with RecordWriter(events) as writer:
        writer.write(b"\x1a\x0dbrain.Event:2")
        value = {"tag": "DetectionBoxes_Precision/mAP", "simple_value": [0.5]}
        writer.write(Event(step=5, summary={"value": [value]}).SerializeToString())
    pack = gzip.compress if packed else bytes

    log, _ = piped("-", "--format", "csv", given=pack(LOG.encode()))
    found, _ = piped("-", "--format", "csv", given=pack(events.read_bytes()))

    assert log == HEADER + ROW.replace("eval.log", "-")
    assert found.splitlines()[1].startswith("-,5,0.5,")


def test_a_pipe_is_followed_until_its_writer_has_gone() -> None:
    """And not for ever."""
    rows, said = piped("-f", "-", "--format", "json", given=LOG.encode())

    assert json.loads(rows)["step"] == 100
    assert said == "note: -: rows by format: model_main_tf2 (1)\n"


def test_a_pipe_that_is_quiet_gives_its_rows_and_ends_by_ctrl_c() -> None:
    """Though its writer is still there."""
    with subprocess.Popen(
        [sys.executable, "-m", "odapi_runner", "parse", "-f", "-", "--format", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(LOG.encode())
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)

    assert json.loads(first)["mAP"] == 0.134822
    assert code == 0


def test_following_strictly_ends_where_a_line_cannot_be_used(tmp_path: Path) -> None:
    """Also where no row comes after it."""
    path = tmp_path / "x.log"
    path.write_text(TRAINING.format(100, 1.5) + "INFO:tensorflow:Step per-step time 1s\n", "utf-8")

    rows, said = piped("-f", "--strict", path, "--format", "json", given=b"", returncode=1)

    assert json.loads(rows)["step"] == 100
    assert f"Error: {path}:2: a step without its number or its time" in said


def test_what_is_no_log_of_lines_is_not_followed(tmp_path: Path) -> None:
    """A sentence instead of what would look as if it were."""
    notes, events = tmp_path / "notes.txt", tmp_path / "events.out.tfevents.1"
    notes.write_text("1\n  =\n    mAP = 0.75\n", "utf-8")
    with RecordWriter(events) as writer:
        writer.write(b"\x1a\x0dbrain.Event:2")

    for path, kind in ((notes, "a notebook"), (events, "an event file"), (tmp_path, "a folder")):
        result = odapi("parse", "-f", path)

        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {path}: {kind} is not followed\n  Read it as it")


@pytest.mark.parametrize("output_format", ["table", "json", "csv"])
def test_a_log_that_grows_is_followed_until_somebody_ends_it(
    tmp_path: Path, output_format: str
) -> None:
    """Each row as it is told, also of a file that was begun anew."""
    path = tmp_path / "train.log"
    path.write_text(TRAINING.format(100, 1.5), "utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "odapi_runner", "parse", "-f", path, "--format", output_format],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        if output_format == "csv":
            assert process.stdout.readline().startswith("run,step,mAP,")
        first = process.stdout.readline()
        with path.open("a", encoding="utf-8") as log:
            log.write(TRAINING.format(200, 1.25))
        second = process.stdout.readline()
        path.unlink()
        path.write_text(TRAINING.format(300, 1.0) + "Eval metrics at step 300\n", "utf-8")
        third = process.stdout.readline()
        with path.open("a", encoding="utf-8") as log:
            log.write("\t+ DetectionBoxes_Precision/mAP: 0.250000\n")
        fourth = process.stdout.readline()  # told when nothing has come for a second
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=30)

    shown = {"table": "  loss_total ", "json": '"loss_total": ', "csv": ",0.5,"}[output_format]
    assert all(shown in line for line in (first, second, third))
    assert "1.25" in second
    assert "0.25" in fourth
    assert (process.returncode, rest) == (0, "")
    assert said == f"note: {path}: rows by format: model_main_tf2 (4)\n"


def test_a_packed_log_is_followed_to_its_end(tmp_path: Path) -> None:
    """Once: it does not grow, and unpacked it is longer than its file."""
    path = tmp_path / "train.log.gz"
    lines = [TRAINING.format(step, step / 7) for step in range(1, 301)]
    path.write_bytes(gzip.compress("".join(lines).encode()))

    done = subprocess.run(
        [sys.executable, "-m", "odapi_runner", "parse", "-f", path, "--format", "json"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert [json.loads(line)["step"] for line in done.stdout.splitlines()] == [*range(1, 301)]


@pytest.mark.parametrize(
    "words",
    [["a", "b"], ["a", "--out", "x"], ["a", "--patches", "p"], ["a", "--format", "markdown"]],
)
def test_following_is_one_log_on_stdout(words: list[str]) -> None:
    """All else needs an end."""
    result = odapi("parse", "-f", *words)

    assert result.exit_code == 2
    assert "-f follows one log" in result.stderr
