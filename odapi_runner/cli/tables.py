"""Printing a table in the format that was asked for."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

Row = Sequence[Any]

_UNLIMITED = 10_000  # cells


def print_table(columns: Sequence[str], rows: Sequence[Row], output_format: str) -> None:
    """Print rows on stdout as `table`, `csv`, `json` (a list of objects) or `markdown`.

    None is an empty cell (null in JSON); a float is shortened for people in `table` and
    `markdown` only.
    """
    printers = {"table": _table, "csv": _csv, "json": _json, "markdown": _markdown}
    click.echo(printers[output_format](columns, rows), nl=False)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for people; where it is too wide it is turned on its side, folded, or stacked."""
    text = _drawn(columns, rows)
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return text  # never cut or turned: programs read it
    width = shutil.get_terminal_size().columns
    if _fits(text, width):
        return text
    names = [_shown(row[0]) for row in rows]
    sideways = [
        [column, *(_shown(row[place]) for row in rows)] for place, column in enumerate(columns)
    ]
    turned = _drawn([columns[0], *names], sideways[1:])
    if _fits(turned, width):
        return turned
    folded = _drawn(columns, rows, width)
    return folded if _keeps_words(folded, rows) else _stacked(columns, rows)


def _fits(drawn: str, width: int) -> bool:
    from rich.cells import cell_len

    return max(map(cell_len, drawn.splitlines())) <= width


def _keeps_words(drawn: str, rows: Sequence[Row]) -> bool:
    """Whether no name was cut, as one that is wider than its column is; sentences may be."""
    there = set(drawn.split())
    names = (_shown(cell) for row in rows for cell in row)
    return all(name in there for name in names if name and " " not in name)


def _stacked(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The first cell of each row, and below it the others, each beside the name of its column."""
    from rich.cells import cell_len, set_cell_size

    wide = max(map(cell_len, columns[1:]), default=0)
    lines = []
    for row in rows:
        lines.append(_shown(row[0]))
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if shown := _shown(cell):
                lines.append(f"  {set_cell_size(column, wide)}  {shown}")
    return "\n".join(lines) + "\n"


def _drawn(columns: Sequence[str], rows: Sequence[Row], width: int = _UNLIMITED) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        numeric = any(_is_number(row[place]) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    shown = [[_shown(value) for value in row] for row in rows]
    if width == _UNLIMITED and not any("\n" in cell for row in shown for cell in row):
        # Nothing is folded: a column is one cell of many lines. A thousand rows: 0.1 s, not 0.6.
        shown = [["\n".join(column) for column in zip(*shown, strict=True)]] if shown else []
    for cells in shown:
        table.add_row(*map(Text, cells))
    out = io.StringIO()
    Console(file=out, highlight=False, width=width).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines() if line.strip()) + "\n"


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _json(columns: Sequence[str], rows: Sequence[Row]) -> str:
    items = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(items, indent=2, ensure_ascii=False) + "\n"


def _markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    rule = ["---"] * len(columns)
    body = [line([_shown(value) for value in row]) for row in rows]
    return line(list(columns)) + line(rule) + "".join(body)
