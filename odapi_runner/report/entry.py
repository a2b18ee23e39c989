"""A row of a comparison on its way: chosen, filtered, put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from odapi_runner.errors import OdapiError, did_you_mean
from odapi_runner.metrics import COLUMNS, METRICS, is_better
from odapi_runner.report.picking import Pick, rows_of
from odapi_runner.report.render import is_nan
from odapi_runner.report.rows import EvalRow, Row
from odapi_runner.report.settings import find_setting, setting_names
from odapi_runner.report.source import Source
from odapi_runner.report.table import Record, build_record
from odapi_runner.report.where import Condition

EVAL_DATA = "eval_data"  # the column of what runs are evaluated on, where that differs
IMAGES = "images"  # the column of how many of them training had seen

_SHOWN = 5  # values in a remedy


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what it is of, and its cells but for the settings."""

    source: Source
    row: Row
    record: Record

    @property
    def name(self) -> str:
        return str(self.record["run"])

    @property
    def trained(self) -> Source:
        """The source with what its row was trained with, where that was changed later."""
        return self.source.at(self.row.step)

    @property
    def data(self) -> str | None:
        """What it is evaluated on: a digest, else the names of the records, where they are told."""
        return self.source.data or self.source.files

    def find(self, name: str) -> tuple[bool, Any]:
        """Whether there may be a column or a setting of a name, and its value here."""
        if name in self.record:
            return True, self.record[name]
        if name == EVAL_DATA:
            return True, self.data
        return (True, None) if name in COLUMNS else find_setting(self.trained, name)


def build_entries(
    source: Source, name: str, pick: Pick | None, notes: list[str], *, images: bool
) -> Iterator[Entry]:
    """The row of a source that is chosen, or all of them.

    Args:
        source: whose.
        name: of its rows.
        pick: what chooses; None: all are wanted.
        notes: gets why there is none to choose.
        images: add the column of how many training had seen.
    """
    rows = rows_of(source) or [EvalRow(None, {})]
    if pick:
        row, note = pick(source)
        rows = [row]
        notes += [f"{name}: {note}"] if note else []
    for row in rows:
        seen = {IMAGES: source.images_at(row.step)} if images else {}
        yield Entry(source, row, build_record(name, row) | seen)


def select(entries: Sequence[Entry], conditions: Sequence[Condition]) -> list[Entry]:
    """Those that meet all conditions.

    Raises:
        OdapiError: a condition names what none of them has, or orders texts by a number.
    """
    for condition in conditions:
        cells = _cells(entries, condition.name)
        if why := condition.explain(cells):
            raise OdapiError(why, fix=f"What is there: {_list_values(cells)}")
        met = zip(entries, cells, strict=True)
        entries = [entry for entry, cell in met if condition.holds(cell)]
    return list(entries)


def in_order(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """By the first name, where that is equal by the next: `sort` of `compare.compare`.

    nan is an empty cell: nothing is more or less than it, and all order would break.

    Raises:
        OdapiError: none of the entries has such a column or setting.
    """
    ordered = list(entries)
    for name in reversed(names):
        column = name.removeprefix("-")
        cells = dict(zip(map(id, ordered), _cells(ordered, column), strict=True))
        key = _best_first(column)
        there = [entry for entry in ordered if cells[id(entry)] is not None]
        there.sort(key=lambda entry: key(cells[id(entry)]), reverse=name != column)
        ordered = there + [entry for entry in ordered if cells[id(entry)] is None]
    return ordered


def _best_first(column: str) -> Callable[[Any], Any]:
    """What orders the cells of a column: numbers before texts, the best of a metric first."""
    falling = column in METRICS and is_better(column, 1.0, 0.0)

    def key(cell: Any) -> tuple[bool, Any]:
        if isinstance(cell, int | float):
            return False, -cell if falling else cell
        return True, str(cell)

    return key


def _list_values(cells: Sequence[Any]) -> str:
    distinct = list(dict.fromkeys(str(cell) for cell in cells if cell is not None))
    return ", ".join([*distinct[:_SHOWN], *(["…"] if len(distinct) > _SHOWN else [])])


def _cells(entries: Sequence[Entry], name: str) -> list[Any]:
    found = [entry.find(name) for entry in entries]
    if entries and not any(known for known, _ in found):
        columns = dict.fromkeys([*COLUMNS, *(one for entry in entries for one in entry.record)])
        near = did_you_mean(name, [*columns, *setting_names([entry.source for entry in entries])])
        raise OdapiError(
            f'"{name}" is neither a column nor a setting of these runs',
            fix=near or f"The columns: {', '.join(columns)}",
        )
    return [None if is_nan(cell) else cell for _, cell in found]
