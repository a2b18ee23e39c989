"""Rows of a table that is longer than what one keeps in memory, until its columns are known."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TextIO

from odapi_runner import files
from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS
from odapi_runner.report.logs import Told
from odapi_runner.report.rows import EvalRow
from odapi_runner.report.table import TIMES_TOLD, build_record, remark_columns

_Key = tuple[int, str, bool, int | None]  # log, run, of an evaluation, step


def told_record(run: str, told: Told) -> dict[str, Any]:
    """A row by column, with what a notebook says of it."""
    return build_record(run, told.row) | remark_columns(told.remarks)


def followed_columns() -> list[str]:
    """The columns of a table that is printed before its last row is known."""
    return [*COLUMNS, "seconds_per_step", TIMES_TOLD]


class Spool:
    """A file that is gone with this object; which row counts is known when the last one is in."""

    def __init__(self) -> None:
        # Closed when this object is left, and gone with it.
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115
        self._names: list[str] = []  # of the logs
        self._runs: list[dict[str, bool]] = []  # of each log: whether a run has evaluations
        self._times: dict[_Key, int] = {}  # of the steps that are told more than once
        self.dropped = 0  # rows whose step was told again

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def begin(self, name: str) -> None:
        """What is added from now on is of another log."""
        self._names.append(name)
        self._runs.append({})

    def add(self, told: Told) -> None:
        """Keep a row."""
        log, runs, row = len(self._names) - 1, self._runs[-1], told.row
        is_evaluation = isinstance(row, EvalRow)
        runs[told.run] = runs.get(told.run, False) or is_evaluation
        if row.times > 1:
            self._times[log, told.run, is_evaluation, row.step] = row.times
            self.dropped += 1
        key = (log, told.run, is_evaluation, row.step)
        self._file.write(json.dumps([key, row.times, told_record("", told)]) + "\n")

    def columns(self) -> list[str]:
        """Those of every table first, then the others of the rows that count (reads them all)."""
        others = dict.fromkeys(name for row in self.rows() for name in row if name not in COLUMNS)
        return [*COLUMNS, *others]

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that count, by column: of a run the evaluations, or its steps without any."""
        self._file.seek(0)
        for line in self._file:
            key, times, record = json.loads(line)
            log, run, is_evaluation, step = key
            runs = self._runs[log]
            last = self._times.get((log, run, is_evaluation, step), 1)
            if is_evaluation != runs[run] or (step is not None and times < last):
                continue
            name = self._names[log]
            yield record | {"run": f"{name}:{run}" if len(runs) > 1 else name}
        self._file.seek(0, 2)


def write_rows(stream: TextIO, spool: Spool) -> None:
    """The table as CSV, its cells as pandas would write them."""
    columns = spool.columns()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(spool.rows())


def write_csv_file(path: Path, spool: Spool) -> None:
    """The same into a file, atomically.

    Raises:
        OdapiError: it cannot be written there.
    """
    try:
        with files.replacing(path) as aside, aside.open("w", encoding="utf-8", newline="") as out:
            write_rows(out, spool)
    except OSError as error:
        what = f"{path}: cannot be written ({error.strerror})"
        raise OdapiError(what, fix="Give another path with --out.") from error
