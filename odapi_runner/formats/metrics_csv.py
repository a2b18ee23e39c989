"""The file `metrics.csv` of a run: a row an evaluated checkpoint, rebuilt from `detections/`.

The standard library writes it, since the evaluator rebuilds it after each checkpoint; tables that
people ask for are made by `report`.
"""

from __future__ import annotations

import csv
import io

from odapi_runner import files
from odapi_runner.errors import RunError
from odapi_runner.formats.detections import read_metrics
from odapi_runner.metrics import COLUMNS, TAG_OF_COLUMN, column_of, columns_of
from odapi_runner.rundir import RunDir


def rebuild_metrics_csv(run: RunDir) -> None:
    """Write all evaluations of a run; the columns of every table, then the rest by name.

    Raises:
        DataError: a file in `detections/` is not an evaluation.
    """
    rows = []
    for expected in run.evaluated_steps():
        step, metrics = read_metrics(run.detections_at(expected))
        # A column without any value stays: there might have been one.
        names = dict.fromkeys(map(column_of, metrics))
        rows.append({"step": step} | names | columns_of(metrics))
    first = [column for column in COLUMNS if column != "run"]
    others = dict.fromkeys(name for row in rows for name in row if name not in first)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*first, *others], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_atomic(run.metrics_csv, text.getvalue())


def read_metrics_csv(run: RunDir) -> list[tuple[int, dict[str, float]]]:
    """The step and the metrics by tag of each row, empty cells left out.

    Raises:
        RunError: it is not such a table.
    """
    path = run.metrics_csv
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            columns, *rows = csv.reader(stream)
        place = columns.index("step")
        tags = [TAG_OF_COLUMN.get(column, column) for column in columns if column != "step"]
        steps = [int(row.pop(place)) for row in rows]
        numbers = [_numbers(tags, row) for row in rows]
    except (OSError, ValueError, IndexError, csv.Error) as error:
        fix = f"Remove it and evaluate again: odapi eval {run.typed} --step all"
        raise RunError(f"{path}: not a table of metrics ({error})", fix=fix) from error
    return list(zip(steps, numbers, strict=True))


def is_current(run: RunDir) -> bool:
    """Whether the table was written after the last evaluation: no file in `detections/` is newer.

    A file is renamed into that folder, which changes the time of the folder. Of equal times, which
    have a resolution of milliseconds, nobody knows.
    """
    try:
        return run.metrics_csv.stat().st_mtime_ns > run.detections.stat().st_mtime_ns
    except OSError:
        return False


def _numbers(tags: list[str], row: list[str]) -> dict[str, float]:
    if "" in row:
        return {tag: float(cell) for tag, cell in zip(tags, row, strict=True) if cell}
    return dict(
        zip(tags, map(float, row), strict=True)
    )  # twice as fast, which a thousand runs feel
