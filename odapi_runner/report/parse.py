"""The metrics that logs tell, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from odapi_runner.report.logs import read_log
from odapi_runner.report.names import shorten
from odapi_runner.report.table import build_record, build_table

if TYPE_CHECKING:
    import pandas as pd


def parse(logs: Sequence[str | Path]) -> pd.DataFrame:
    """A row for each evaluation of each log; of a log without any, for each step of training.

    Raises:
        DataError: a log cannot be read or tells no metric.
    """
    names = shorten([str(path) for path in logs], "/")
    records = []
    for name, path in zip(names, logs, strict=True):
        log = read_log(Path(path))
        records += [build_record(name, row) for row in log.evaluations or log.train]
    return build_table(records)
