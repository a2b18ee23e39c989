"""Printing a table in the format that was asked for."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from odapi_runner.report.render import RENDERERS, Cell, Row, is_number, shown

_UNLIMITED = 10_000  # cells


def print_table(columns: Sequence[str], rows: Sequence[Row], output_format: str) -> None:
    """Print rows on stdout as `table`, `csv`, `json` (a list of objects), `markdown` or `latex`.

    None is an empty cell (null in JSON); a float is shortened for people, in all but `csv` and
    `json`. The colour of a `Cell` is that of a terminal, where stdout is one.
    """
    render = RENDERERS.get(output_format, _table)
    click.echo(render(columns, rows), nl=False)


def _table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for people; where it is too wide it is turned on its side, folded, or stacked."""
    text = _drawn(columns, rows)
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return text  # never cut or turned: programs read it
    width = shutil.get_terminal_size().columns
    if _fits(text, width):
        return text
    names = [shown(row[0]) for row in rows]
    sideways = [
        [column, *(_as_text(row[place]) for row in rows)] for place, column in enumerate(columns)
    ]
    turned = _drawn([columns[0], *names], sideways[1:])
    if _fits(turned, width):
        return turned
    folded = _drawn(columns, rows, width)
    return folded if _keeps_words(folded, rows) else _stacked(columns, rows)


def _fits(drawn: str, width: int) -> bool:
    from rich.cells import cell_len

    return max(map(cell_len, click.unstyle(drawn).splitlines())) <= width


def _keeps_words(drawn: str, rows: Sequence[Row]) -> bool:
    """Whether no name was cut, as one that is wider than its column is; sentences may be."""
    plain = click.unstyle(drawn)
    there = set(plain.split())
    cells = [cell for row in rows for cell in row]
    names = (shown(cell) for cell in cells if not isinstance(cell, Cell))
    whole = all(cell.text in plain for cell in cells if isinstance(cell, Cell))
    return whole and all(name in there for name in names if name and " " not in name)


def _stacked(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The first cell of each row, and below it the others, each beside the name of its column."""
    from rich.cells import cell_len, set_cell_size

    wide = max(map(cell_len, columns[1:]), default=0)
    lines = []
    for row in rows:
        lines.append(shown(row[0]))
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if text := shown(cell):
                color = _color(cell)
                styled = click.style(text, fg=color) if color else text
                lines.append(f"  {set_cell_size(column, wide)}  {styled}")
    return "\n".join(lines) + "\n"


def _drawn(columns: Sequence[str], rows: Sequence[Row], width: int | None = None) -> str:
    """A table as wide as its cells are, or folded into a width.

    As wide as it is rich would draw it as well, in a second for a thousand rows.
    """
    right = [any(is_number(row[place]) for row in rows) for place in range(len(columns))]
    whole = not any("\n" in shown(cell) for row in rows for cell in row)
    return (
        _lined_up(columns, rows, right)
        if width is None and whole
        else _folded(columns, rows, right, width or _UNLIMITED)
    )


def _lined_up(columns: Sequence[str], rows: Sequence[Row], right: Sequence[bool]) -> str:
    from rich.cells import cell_len

    cells = [[shown(value) for value in row] for row in (columns, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]

    def line(row: Row) -> str:
        parts = []
        for value, wide, on_right in zip(row, widths, right, strict=True):
            text, color = shown(value), _color(value)
            space = " " * (wide - cell_len(text))
            styled = click.style(text, fg=color) if color else text
            parts.append(space + styled if on_right else styled + space)
        return f" {'   '.join(parts)}".rstrip()

    rule = " " + "─" * (sum(widths) + 3 * (len(widths) - 1))
    return "\n".join([line(columns), rule, *map(line, rows)]) + "\n"


def _folded(columns: Sequence[str], rows: Sequence[Row], right: Sequence[bool], width: int) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="")
    for column, on_right in zip(columns, right, strict=True):
        table.add_column(Text(column), justify="right" if on_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(value), _color(value)) for value in row))
    out = io.StringIO()
    colored = any(_color(value) for row in rows for value in row)
    console = Console(
        file=out,
        highlight=False,
        width=width,
        force_terminal=colored,
        color_system="standard" if colored else None,
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines() if line.strip()) + "\n"


def _as_text(value: Any) -> str | Cell:
    return value if isinstance(value, Cell) else shown(value)


def _color(value: Any) -> str:
    """Of a cell, where stdout is a terminal that may have colours (https://no-color.org)."""
    colors = isinstance(value, Cell) and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return value.color if colors else ""
