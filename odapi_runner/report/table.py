"""Rows of results as a table: the columns of every table of odapi first, in their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odapi_runner import files
from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS, column_of, is_told
from odapi_runner.report.render import render_csv
from odapi_runner.report.rows import Remarks, Row, TrainRow

if TYPE_CHECKING:
    import pandas as pd

Record = Mapping[str, Any]  # value by column; absent or None: an empty cell

# How often a log told the step of a row, where a resumed run has passed it again.
TIMES_TOLD = "times_told"

_NUMBERS = COLUMNS[2:]


def build_record(run: str, row: Row) -> dict[str, Any]:
    """One row by column; a metric of -1 is left out: there was no groundtruth of that kind."""
    values: dict[str, Any]
    if isinstance(row, TrainRow):
        seconds = row.seconds_per_step
        values = row.values | ({} if seconds is None else {"seconds_per_step": seconds})
    else:
        values = {tag: value for tag, value in row.metrics.items() if is_told(tag, value)}
    if row.times > 1:
        values |= {TIMES_TOLD: row.times}
    return {"run": run, "step": row.step} | {column_of(tag): v for tag, v in values.items()}


def remark_columns(remarks: Remarks | None) -> dict[str, str]:
    """What a notebook says of an experiment, by column; nothing of other logs."""
    return {} if remarks is None else dataclasses.asdict(remarks)


def build_table(records: Sequence[Record]) -> pd.DataFrame:
    """A frame with `metrics.COLUMNS`, then whatever else the records hold, in order of appearance.

    `step` is an integer that may be absent, metrics are floats (NaN: empty). The rest stays what
    it was: pandas would make floats of a column of integers with an empty cell.
    """
    import pandas as pd

    others = dict.fromkeys(name for record in records for name in record if name not in COLUMNS)
    columns = [*COLUMNS, *others]
    cells = [[record.get(column) for column in columns] for record in records]
    frame = pd.DataFrame(cells, columns=columns, dtype=object)
    kinds = {"step": "Int64"} | dict.fromkeys(_NUMBERS, "float64")
    return frame.astype(kinds)


def table_cells(frame: pd.DataFrame) -> list[list[Any]]:
    """The cells as plain Python values, None where one is empty."""
    import pandas as pd

    plain = frame.astype(object)
    return plain.where(pd.notna(frame), None).to_numpy(dtype=object).tolist()


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write the table atomically; numbers keep all their digits, empty cells are empty.

    Raises:
        OdapiError: it cannot be written there.
    """
    with writing(path) as aside:
        aside.write_text(render_csv(list(frame.columns), table_cells(frame)), "utf-8", newline="")


@contextmanager
def writing(path: Path, fix: str = "Give another path with --out.") -> Iterator[Path]:
    """As `files.replacing`, for what somebody has asked for.

    Raises:
        OdapiError: it cannot be written there.
    """
    try:
        with files.replacing(path) as aside:
            yield aside
    except OSError as error:
        what = f"{path}: cannot be written ({error.strerror})"
        raise OdapiError(what, fix=fix) from error
