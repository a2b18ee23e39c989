"""The file `metrics.csv` of a run: a row an evaluated checkpoint, rebuilt from `detections/`.

The standard library writes it, since the evaluator rebuilds it after each checkpoint; tables that
people ask for are made by `report`.
"""

from __future__ import annotations

import csv
import io

from odapi_runner import files
from odapi_runner.formats.detections import read_metrics
from odapi_runner.metrics import COLUMNS, column_of, columns_of
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
