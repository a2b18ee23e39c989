"""Tables with commas, whose first line names the columns: an evaluation a line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from odapi_runner.report.grammars.grammar import as_step
from odapi_runner.report.rows import EvalRow, Row, Unused


@dataclass(slots=True)
class TableReader:
    """Reads a table line by line."""

    step: str  # the column of it
    tag_of: Callable[[str], str]
    names: list[str] = field(default_factory=list)
    is_open = False

    def read(self, line: str) -> Sequence[Row | Unused]:
        try:
            cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        except csv.Error:  # a cell longer than any: a block of zeros, where a machine has crashed
            cells = [line]
        if not any(cells) or cells == self.names:
            return ()
        if not self.names:
            self.names = cells
            return ()
        if len(cells) != len(self.names) or not line.endswith("\n"):
            return (Unused("a cut row", line),)
        told = {name: cell for name, cell in zip(self.names, cells, strict=True) if cell}
        try:
            values = {name: float(cell) for name, cell in told.items()}
        except ValueError:
            return (Unused("a row with a cell that is no number", line),)
        step = as_step(values.pop(self.step, None))
        if step is None:
            return (Unused(f"a row without its {self.step}", line),)
        return (EvalRow(step, {self.tag_of(name): value for name, value in values.items()}),)

    def close(self) -> Sequence[Row | Unused]:
        return ()
