"""Reading the logs of trainings and evaluations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from odapi_runner.errors import DataError
from odapi_runner.report.grammars import model_main_tf2
from odapi_runner.report.rows import EvalRow, ParsedLog, Row, TrainRow

GRAMMARS: dict[str, Callable[[Iterable[str]], Iterator[Row]]] = {
    "model_main_tf2": model_main_tf2.parse,
}

_HEAD = 65_536  # bytes looked at to tell a text from something else


def parse_log(lines: Iterable[str]) -> ParsedLog:
    """The rows of all formats that the lines hold; empty where there is none."""
    streams = itertools.tee(lines, len(GRAMMARS))
    parsers = zip(GRAMMARS.values(), streams, strict=True)
    rows = [row for parse, stream in parsers for row in parse(stream)]
    return ParsedLog(
        train=tuple(row for row in rows if isinstance(row, TrainRow)),
        evaluations=tuple(row for row in rows if isinstance(row, EvalRow)),
    )


def read_log(path: Path) -> ParsedLog:
    """The rows of a log file.

    Raises:
        DataError: there is no such file, it is not a text, or no line of it tells a metric.
    """
    try:
        with path.open("rb") as stream:
            if b"\0" in stream.read(_HEAD):
                raise DataError(f"{path}: not a text", fix="Give the log that training printed.")
        with path.open(encoding="utf-8", errors="replace") as lines:
            parsed = parse_log(lines)
    except OSError as error:
        what = f"{path}: cannot be read ({error.strerror})"
        raise DataError(what, fix="Give the path of a log file.") from error
    if not parsed.train and not parsed.evaluations:
        fix = (
            'Its lines should be like "Step 100 per-step time 0.5s" or "Eval metrics at step 100".'
        )
        raise DataError(f"{path}: no metrics in this log", fix=fix)
    return parsed
