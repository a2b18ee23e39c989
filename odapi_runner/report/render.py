"""A table as text: CSV, JSON, Markdown, LaTeX.

A cell is a plain value, None where it is empty, or a `Cell`: what people are shown, in a colour.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = Sequence[Any]

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_MINUS = re.compile(r"(?<![\w}])-(?=\d)")
_NUMBER = re.compile(r"-?\d")


@dataclass(frozen=True, slots=True)
class Cell:
    """What people are shown instead of a value."""

    text: str
    color: str = ""  # of a terminal: "green", "red"; else as all is


def shown(value: Any) -> str:
    """A value for people: empty for None, a float with four digits."""
    if value is None:
        return ""
    if isinstance(value, Cell):
        return value.text
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def render_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """One line a row; floats with all their digits, nothing for None."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def render_json(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A list of objects, null for None."""
    items = [dict(zip(columns, map(finite, row), strict=True)) for row in rows]
    return json.dumps(items, indent=2, ensure_ascii=False) + "\n"


def render_markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table of GitHub's Markdown."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    body = [line([shown(value) for value in row]) for row in rows]
    return line(list(columns)) + line(["---"] * len(columns)) + "".join(body)


def render_latex(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A `tabular` with the rules of the package booktabs; numbers stand on the right."""

    def line(cells: Sequence[str]) -> str:
        return "  " + " & ".join(map(_escape, cells)) + r" \\" + "\n"

    numeric = [any(is_number(row[place]) for row in rows) for place in range(len(columns))]
    kinds = "".join("r" if right else "l" for right in numeric)
    body = "".join(line([shown(value) for value in row]) for row in rows)
    return (
        f"\\begin{{tabular}}{{{kinds}}}\n  \\toprule\n{line(list(columns))}  \\midrule\n"
        f"{body}  \\bottomrule\n\\end{{tabular}}\n"
    )


RENDERERS: dict[str, Callable[[Sequence[str], Sequence[Row]], str]] = {
    "csv": render_csv,
    "json": render_json,
    "markdown": render_markdown,
    "latex": render_latex,
}


def finite(value: Any) -> Any:
    """The value; None for nan and inf, which JSON has no words for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_nan(value: Any) -> bool:
    """Whether a cell is a number that is none."""
    return isinstance(value, float) and math.isnan(value)


def is_number(value: Any) -> bool:
    """Whether a cell stands on the right."""
    if isinstance(value, Cell):
        return bool(_NUMBER.match(value.text))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _escape(text: str) -> str:
    escaped = "".join(_LATEX.get(sign, sign) for sign in text)
    return _MINUS.sub("$-$", escaped)
