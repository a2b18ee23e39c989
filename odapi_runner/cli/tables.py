"""Printing a table in the format that was asked for."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

Row = Sequence[Any]


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
    """A table for people; on too narrow a terminal it is turned on its side, or folded."""
    text = _drawn(columns, rows)
    if not sys.stdout.isatty():
        return text  # never cut or turned: programs read it
    from rich.cells import cell_len

    width = shutil.get_terminal_size().columns

    def fits(drawn: str) -> bool:
        return max(map(cell_len, drawn.splitlines())) <= width

    if fits(text):
        return text
    names = [_shown(row[0]) for row in rows]
    sideways = [
        [column, *(_shown(row[place]) for row in rows)] for place, column in enumerate(columns)
    ]
    turned = _drawn([columns[0], *names], sideways[1:])
    return turned if fits(turned) else _drawn(columns, rows, width)


def _drawn(columns: Sequence[str], rows: Sequence[Row], width: int = 10_000) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        numeric = any(_is_number(row[place]) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
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
