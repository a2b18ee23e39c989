"""Writing a comparison into a file, in the format that the ending of its name says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odapi_runner.errors import OdapiError, did_you_mean
from odapi_runner.report.compare import Comparison
from odapi_runner.report.render import render_csv, render_json, render_latex, render_markdown
from odapi_runner.report.shown import shown_table
from odapi_runner.report.table import table_cells, writing

if TYPE_CHECKING:
    import pandas as pd


def write_comparison(path: Path, found: Comparison) -> None:
    """Write it atomically, by the ending of the path: one of `WRITERS`.

    `.csv`, `.json` and `.parquet` hold every column, `.md` and `.tex` what people are shown.

    Raises:
        OdapiError: the ending is another one, or it cannot be written there.
    """
    check_ending(path)
    with writing(path) as aside:
        WRITERS[path.suffix.lower()](aside, found)


def check_ending(path: Path) -> None:
    """Refuse a path whose ending says no format.

    Raises:
        OdapiError: it is none of `WRITERS`.
    """
    if path.suffix.lower() not in WRITERS:
        near = did_you_mean(path.suffix, WRITERS)
        what = f'{path}: what "{path.suffix}" is to be is not known'
        raise OdapiError(what, fix=near or f"Give a name that ends with {', '.join(WRITERS)}.")


def _write_csv(path: Path, found: Comparison) -> None:
    _write(path, render_csv(list(found.table.columns), table_cells(found.table)))


def _write_json(path: Path, found: Comparison) -> None:
    _write(path, render_json(list(found.table.columns), table_cells(found.table)))


def _write_markdown(path: Path, found: Comparison) -> None:
    sentences = "".join(f"\n- {sentence}" for sentence in found.sentences)
    _write(path, render_markdown(*shown_table(found)) + (f"{sentences}\n" if sentences else ""))


def _write_latex(path: Path, found: Comparison) -> None:
    sentences = "".join(f"% {sentence}\n" for sentence in found.sentences)
    _write(path, f"% \\usepackage{{booktabs}}\n{render_latex(*shown_table(found))}{sentences}")


def _write_parquet(path: Path, found: Comparison) -> None:
    _with_kinds(found.table).to_parquet(path, index=False)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _with_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """Each column of one kind, as parquet has them: a setting may be a number here, a text there.

    Whole numbers stay whole where a cell is empty.
    """
    settings = [name for name in frame.columns if frame[name].dtype == object]
    return frame.assign(**{name: _of_one_kind(frame[name]) for name in settings})


def _of_one_kind(cells: pd.Series[Any]) -> pd.Series[Any]:
    kinds = {type(cell) for cell in cells.dropna()}
    if kinds == {bool}:
        return cells.astype("boolean")
    if kinds == {int}:
        return cells.astype("Int64")
    if kinds and kinds <= {int, float}:
        return cells.astype("Float64")
    return cells.map(str, na_action="ignore").astype("string")


WRITERS: dict[str, Callable[[Path, Comparison], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".md": _write_markdown,
    ".tex": _write_latex,
    ".parquet": _write_parquet,
}
