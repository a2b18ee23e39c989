"""A metric that a policy looks at, and when it has stopped getting better."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from odapi_runner.errors import did_you_mean
from odapi_runner.metrics import COLUMN_OF_TAG, METRICS, VOC_2007_TAG, VOC_2012_TAG, is_better
from odapi_runner.rundir import RunDir

# What some evaluations have beside, under names of its own: others have a tag's, with a slash.
_SOME_HAVE = (COLUMN_OF_TAG[VOC_2012_TAG], COLUMN_OF_TAG[VOC_2007_TAG])


def parse_column(name: str) -> str:
    """A metric that an evaluation may have, by its column; `columns` knows of which config.

    Raises:
        ValueError: no evaluation has one of this name.
    """
    known = (*METRICS, *_SOME_HAVE)
    if "/" not in name and name not in known:
        near = did_you_mean(name, known) or f"There are {', '.join(known)}"
        raise ValueError(f'there is no metric "{name}". {near}')
    return name


def parse_rule(text: str, numbers: Mapping[str, float]) -> tuple[str, dict[str, float]]:
    """`METRIC:name=number,…`, of which everything behind the metric may be absent.

    A name of a class, and so of a metric, may hold any sign: what follows its last colon is the
    rest only where it looks like it.

    Args:
        text: as typed.
        numbers: the names, and what they are where they are absent.

    Raises:
        ValueError: no such metric or name, or no number, or one below 0.
    """
    metric, _, rest = text.rpartition(":")
    if not metric or (rest and "=" not in rest and rest not in numbers):
        metric, rest = text, ""
    found = dict(numbers)
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        if name not in numbers:
            near = did_you_mean(name, numbers) or f"There are {', '.join(numbers)}"
            raise ValueError(f'"{part}": there is no "{name}". {near}')
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f'"{part}": "{value}" is not a number') from None
        if not 0 <= found[name] < float("inf"):
            raise ValueError(f'"{part}": it is a number from 0 on')
    return parse_column(metric), found


def read_scores(run: RunDir, metric: str) -> dict[int, float]:
    """What a metric was at each step that has been evaluated, ascending; -1 is none."""
    columns, rows = _read_table(run)
    if metric not in columns or "step" not in columns:
        return {}
    step, value = columns.index("step"), columns.index(metric)
    return dict(sorted((int(row[step]), float(row[value])) for row in rows if row[value]))


def read_rows(run: RunDir) -> dict[int, dict[str, float]]:
    """Every number of metrics.csv, by step and column."""
    columns, rows = _read_table(run)
    if "step" not in columns:
        return {}
    step = columns.index("step")
    return {
        int(row[step]): {
            name: float(cell)
            for name, cell in zip(columns, row, strict=True)
            if cell and name != "step"
        }
        for row in rows
    }


def _read_table(run: RunDir) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of metrics.csv; a row that was cut short is left out."""
    try:
        text = run.metrics_csv.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return [], []
    columns, *rows = list(csv.reader(text.split("\n")[:-1])) or [[]]
    return columns, [row for row in rows if len(row) == len(columns)]


@dataclass(slots=True)
class Patience:
    """Counts the evaluations since a metric was last better by more than a bound.

    Attributes:
        best: the score that counts as the best so far.
        best_step: when it was.
        waited: evaluations since then.
    """

    metric: str
    min_delta: float
    best: float | None = None
    best_step: int = 0
    waited: int = 0

    def see(self, step: int, score: float) -> None:
        """Take the next evaluation."""
        if self.best is None or is_better(self.metric, score, self.best, self.min_delta):
            self.best, self.best_step, self.waited = score, step, 0
        else:
            self.waited += 1
