"""What odapi writes beside its logs: the events of a run, and its `metrics.csv`.

    {"time": 1.0, "seq": 3, "role": "eval", "kind": "evaluated", "step": 100, "mAP": 0.1, …}

    step,mAP,mAP_50,…
    2000,0.31,0.52,…

The events tell the first two of COCO's metrics; all of them are in the table.
Source: `formats.runlog`, `formats.metrics_csv`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from odapi_runner.metrics import METRICS, TAG_OF_COLUMN
from odapi_runner.report.grammars.grammar import Grammar, as_step
from odapi_runner.report.grammars.separated import TableReader
from odapi_runner.report.rows import EvalRow, Row, Unused


def tag_of(column: str) -> str:
    """The tag of a column of odapi's tables; the rest of them have tags for names."""
    return TAG_OF_COLUMN.get(column, column)


def is_header(line: str) -> bool:
    """Whether a file that begins with this line is a run's table of metrics."""
    names = line.strip().split(",")
    return names[0] == "step" and any(name in TAG_OF_COLUMN for name in names)


class _EventReader:
    is_open = False

    def read(self, line: str) -> Sequence[Row | Unused]:
        if '"evaluated"' not in line:
            return ()
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return (Unused("a cut line of JSON", line),)
        if not isinstance(told, dict) or told.get("kind") != "evaluated":
            return ()
        step, values = as_step(told.get("step")), {name: told.get(name) for name in METRICS}
        metrics = {tag_of(name): v for name, v in values.items() if isinstance(v, float)}
        return (EvalRow(step, metrics),) if step is not None and metrics else ()

    def close(self) -> Sequence[Row | Unused]:
        return ()


EVENTS = Grammar("odapi_events", (), _EventReader)
METRICS_CSV = Grammar("odapi_csv", (), lambda: TableReader("step", tag_of))
