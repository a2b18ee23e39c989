"""A comparison as people see it: what is empty left out, a metric and its difference in one cell.

run    step     mAP              mAP_50           batch_size   verdict
a      20       0.4981           0.7712           4
b      20       0.5294 +0.0313   0.8012 +0.0300   8            better
"""

from __future__ import annotations

from typing import Any

from odapi_runner.metrics import COLUMNS, METRICS, is_better
from odapi_runner.report.against import TESTED, delta_column
from odapi_runner.report.compare import Comparison
from odapi_runner.report.render import Cell, Row
from odapi_runner.report.table import table_cells
from odapi_runner.scoring.noise import CONFIDENCE, decimals

_GREEN, _RED = "green", "red"
_RESULTS = COLUMNS[2:]
_TESTED = {f"{metric}_{end}" for metric in TESTED for end in ("low", "high", "p")}


def shown_table(found: Comparison) -> tuple[list[str], list[Row]]:
    """The columns and rows of a comparison for people.

    The difference from the baseline stands behind each metric, with the half width of its interval
    where it was tested; it is green where the metric is better than the baseline's, red where it
    is worse, and has no colour where the two cannot be told apart.
    """
    columns = list(found.table.columns)
    rows = [dict(zip(columns, cells, strict=True)) for cells in table_cells(found.table)]
    left_out = {delta_column(metric) for metric in METRICS} | _TESTED | set(unshown_settings(found))
    kept = [
        column
        for column in columns
        if column not in left_out and any(row[column] is not None for row in rows)
    ]
    return kept or columns[:2], [[_cell(row, column) for column in kept] for row in rows]


def unshown_settings(found: Comparison) -> list[str]:
    """The settings that only rows without an evaluation make columns of: they explain no result.

    None where no row has an evaluation: there is nothing but settings to see.
    """
    evaluated = found.table[list(_RESULTS)].notna().any(axis=1)
    if not evaluated.any():
        return []
    return [
        name for name in found.settings if len(set(map(str, found.table.loc[evaluated, name]))) == 1
    ]


def _cell(row: dict[str, Any], column: str) -> Any:
    value, delta = row[column], row.get(delta_column(column))
    if value is None or not delta:  # the baseline's own
        return value
    color = _GREEN if is_better(column, delta, 0.0) else _RED
    if column in TESTED and row.get(f"{column}_p") is not None:
        low, high = row[f"{column}_low"], row[f"{column}_high"]
        told = (low > 0 or high < 0) and row[f"{column}_p"] < 1 - CONFIDENCE
        digits = decimals(delta, (high - low) / 2, least=4)
        text = f"{value:.{digits}f} {delta:+.{digits}f} ± {(high - low) / 2:.{digits}f}"
        return Cell(text, color if told else "")
    return Cell(f"{value:.4g} {delta:+.4g}", color)
