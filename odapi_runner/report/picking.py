"""Which evaluation of a run is compared: its best, its last, that of a step or of a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from odapi_runner.errors import OdapiError, did_you_mean
from odapi_runner.metrics import METRICS, TAG_OF_COLUMN, column_of, is_better, is_told
from odapi_runner.report.rows import EvalRow, Row, TrainRow, keep_later
from odapi_runner.report.source import Source


@dataclass(frozen=True, slots=True)
class Images:
    """The last evaluation for which training had seen at most so many images."""

    budget: int | None = None  # None: as many as all have seen


At = Literal["best", "last"] | int | Images

Pick = Callable[[Source], tuple[Row, str]]


def parse_at(text: str) -> At:
    """`best`, `last`, a step, `images` or `images=N`.

    Raises:
        ValueError: it is none of them.
    """
    name, equals, number = text.partition("=")
    match name:
        case "best" | "last" if not equals:
            return name
        case "images" if not equals:
            return Images()
        case "images" if number.isdecimal():
            return Images(int(number))
        case _ if text.isdecimal():
            return int(text)
    raise ValueError(f'"{text}" is neither "best", "last", a step, "images" nor "images=N"')


def rows_of(source: Source) -> list[Row]:
    """The evaluations of a source, of a log without any what was logged of its training.

    In the order of the steps, before them what names none, as it was told; `keep_later` counts.
    """
    rows: Sequence[Row] = source.log.evaluations or source.log.train
    return sorted(keep_later(rows), key=lambda row: -1 if row.step is None else row.step)


def metric_of(row: Row, metric: str) -> float | None:
    """A metric of a row, by its column; None where it was not measured, or is no number."""
    tag = TAG_OF_COLUMN.get(metric, metric)
    value = _values(row).get(tag)
    if value is None or not math.isfinite(value):
        return None
    return value if is_told(tag, value) else None


def _values(row: Row) -> Mapping[str, float]:
    return row.values if isinstance(row, TrainRow) else row.metrics


def build_pick(at: At, by: str, sources: Sequence[Source]) -> Pick:
    """What chooses a row of a source, with a note where there is none to choose.

    Args:
        at: which.
        by: the column of the metric that "best" means.
        sources: all that are compared: they share a budget.

    Raises:
        OdapiError: no row of any has the metric, and it is none that each evaluation has.
    """
    if isinstance(at, Images):
        return _at_images(at, sources)
    if isinstance(at, int):
        return lambda source: _at_step(source, at)
    if at == "best":
        if by not in METRICS:
            _refuse_unmeasured(by, sources)
        return lambda source: (_best(rows_of(source), by), "")
    return lambda source: (_last(rows_of(source)), "")


def _refuse_unmeasured(metric: str, sources: Sequence[Source]) -> None:
    rows = [row for source in sources for row in rows_of(source)]
    if any(metric_of(row, metric) is not None for row in rows):
        return
    columns = {column_of(tag) for row in rows for tag in _values(row)}
    near = did_you_mean(metric, columns)
    raise OdapiError(
        f'no evaluation has the metric "{metric}"',
        fix=near or f"There are {', '.join(sorted(columns))}." if columns else "Evaluate it first.",
    )


def _last(rows: Sequence[Row]) -> Row:
    return rows[-1] if rows else EvalRow(None, {})


def _best(rows: Sequence[Row], by: str) -> Row:
    """The first of the best; the last row where none has the metric."""
    best: tuple[Row, float] | None = None
    for row in rows:
        value = metric_of(row, by)
        if value is not None and (best is None or is_better(by, value, best[1])):
            best = row, value
    return best[0] if best else _last(rows)


def _at_step(source: Source, step: int) -> tuple[Row, str]:
    rows = rows_of(source)
    there = next((row for row in rows if row.step == step), None)
    if there or not rows:
        return there or EvalRow(None, {}), ""
    steps = ", ".join(str(row.step) for row in rows if row.step is not None)
    return EvalRow(step, {}), f"nothing at step {step}, but {steps}"


def _at_images(at: Images, sources: Sequence[Source]) -> Pick:
    seen = [source.images_at(_last(rows_of(source)).step) for source in sources]
    reached = [images for images in seen if images is not None]
    budget = at.budget if at.budget is not None else min(reached, default=0)

    def pick(source: Source) -> tuple[Row, str]:
        rows = rows_of(source)
        if not source.stages:
            return EvalRow(None, {}), "how many images it has seen is not known: it has no config"
        within = [row for row in rows if (source.images_at(row.step) or 0) <= budget]
        if not rows or within:
            return _last(within), ""
        return EvalRow(None, {}), f"no evaluation within {budget} images"

    return pick
