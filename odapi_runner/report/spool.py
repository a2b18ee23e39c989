"""Rows of a table that is longer than what one keeps in memory, until its columns are known."""

from __future__ import annotations

import csv
import dataclasses
import marshal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

from odapi_runner.metrics import COLUMNS, column_of
from odapi_runner.report.logs import Told
from odapi_runner.report.render import is_nan
from odapi_runner.report.rows import EvalRow, Remarks, Row, TrainRow
from odapi_runner.report.table import TIMES_TOLD, Record, build_record, remark_columns, writing


def told_record(run: str, row: Row, remarks: Remarks | None) -> dict[str, Any]:
    """A row by column, with what a notebook says of it."""
    return build_record(run, row) | remark_columns(remarks)


def followed_columns() -> list[str]:
    """The columns of a table that is printed before its last row is known."""
    return [*COLUMNS, "seconds_per_step", TIMES_TOLD]


@dataclass(slots=True)
class _Run:
    """What is known of a run of a log."""

    log: str
    name: str
    has_evaluations: bool = False
    steps: int = 0  # rows of its training
    # How often each step was told that was told more than once, by whether it was evaluated.
    times: dict[tuple[bool, int | None], int] = field(default_factory=dict)
    # The tags of the rows, and the columns that they have, likewise.
    tags: dict[bool, set[str]] = field(default_factory=lambda: {False: set(), True: set()})
    columns: dict[bool, dict[str, None]] = field(default_factory=lambda: {False: {}, True: {}})


class Spool:
    """A file that is gone with this object; which row counts is known when the last one is in."""

    def __init__(self) -> None:
        # Closed when this object is left.
        self._file = tempfile.TemporaryFile("w+b")  # noqa: SIM115
        self._runs: list[_Run] = []
        self._numbers: dict[tuple[int, str], int] = {}  # places in it by log and name
        self._logs: list[str] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def begin(self, log: str) -> None:
        """What is added from now on is of another log."""
        self._logs.append(log)

    def add(self, told: Told) -> None:
        """Keep a row, unless it is of the training of a run that has evaluations."""
        key = len(self._logs), told.run
        if key not in self._numbers:
            self._numbers[key] = len(self._runs)
            self._runs.append(_Run(self._logs[-1], told.run))
        number = self._numbers[key]
        run, row = self._runs[number], told.row
        is_evaluation = isinstance(row, EvalRow)
        run.has_evaluations = run.has_evaluations or is_evaluation
        run.steps += not is_evaluation
        if run.has_evaluations and not is_evaluation:
            return
        seconds, values = (
            (None, row.metrics) if isinstance(row, EvalRow) else (row.seconds_per_step, row.values)
        )
        if row.times > 1:
            run.times[is_evaluation, row.step] = row.times
        if row.times > 1 or not values or not values.keys() <= run.tags[is_evaluation]:
            record = told_record("", row, told.remarks)
            run.columns[is_evaluation].update(dict.fromkeys(record))
            run.tags[is_evaluation].update(tag for tag in values if column_of(tag) in record)
        remarks = dataclasses.astuple(told.remarks) if told.remarks else None
        kept = (number, is_evaluation, row.step, row.times, seconds, values, remarks)
        marshal.dump(kept, self._file)
        self._rows += 1

    def columns(self) -> list[str]:
        """Those of every table first, then the others that the rows have, as they appeared."""
        found = (name for run in self._runs for name in run.columns[run.has_evaluations])
        return list(dict.fromkeys([*COLUMNS, *found]))

    def repeated(self) -> int:
        """How many steps were told more than once, of those that the table tells."""
        return sum(
            is_evaluation == run.has_evaluations
            for run in self._runs
            for is_evaluation, _ in run.times
        )

    def left_out(self) -> int:
        """How many rows of training were told of runs that have evaluations, too."""
        return sum(run.steps for run in self._runs if run.has_evaluations)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that count, by column: of a run the evaluations, or its steps without any."""
        several = dict.fromkeys(range(len(self._logs) + 1), 0)
        for log, _ in self._numbers:
            several[log] += 1
        names = [
            f"{run.log}:{run.name}" if several[log] > 1 else run.log
            for run, (log, _) in zip(self._runs, self._numbers, strict=True)
        ]
        self._file.seek(0)
        for _ in range(self._rows):
            # What this object has written itself.
            number, is_evaluation, step, times, seconds, values, remarks = marshal.load(  # noqa: S302
                self._file
            )
            run = self._runs[number]
            if is_evaluation != run.has_evaluations:
                continue
            if run.times and step is not None and times < run.times.get((is_evaluation, step), 1):
                continue
            row = (
                EvalRow(step, values, times)
                if is_evaluation
                else TrainRow(step, seconds, values, times)
            )
            yield told_record(names[number], row, Remarks(*remarks) if remarks else None)


def csv_cells(row: Record, columns: Sequence[str]) -> list[Any]:
    """The cells of a row in a CSV: nan is empty there, as pandas has it."""
    told = {name: value for name, value in row.items() if not is_nan(value)}
    return [*map(told.get, columns)]


def write_rows(stream: TextIO, spool: Spool) -> None:
    """The table as CSV, its cells as pandas would write them."""
    columns = spool.columns()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(csv_cells(row, columns) for row in spool.rows())


def write_csv_file(path: Path, spool: Spool) -> None:
    """The same into a file, atomically.

    Raises:
        OdapiError: it cannot be written there.
    """
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="") as out:
        write_rows(out, spool)
