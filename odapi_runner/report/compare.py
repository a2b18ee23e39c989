"""One row a run: what changed between them, and every metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from odapi_runner.metrics import COCO_METRICS, COLUMNS
from odapi_runner.proto.differences import differing_fields
from odapi_runner.report.names import shorten
from odapi_runner.report.rows import EvalRow, Row
from odapi_runner.report.sources import Source, read_sources
from odapi_runner.report.table import Record, build_record, build_table
from odapi_runner.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    import pandas as pd

At = Literal["best", "last"] | int

_MAP = COCO_METRICS[0].tag


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table, and what its reader should know about what is not in it."""

    table: pd.DataFrame
    notes: tuple[str, ...]


def compare(
    sources: Sequence[str | Path] = (),
    *,
    at: At = "best",
    workspace: Workspace | None = None,
    others: Mapping[str, Mapping[str, float]] | None = None,
) -> Comparison:
    """Compare runs, each at its best step by mAP, its last one, or a step of all.

    Args:
        sources: run folders, names of runs or sweeps, log files or folders of runs; none: the
            workspace's.
        at: "best", "last", or a step.
        workspace: where names of runs are looked up; the current one by default.
        others: metrics by tag of what is no run, by the name its row shall have.

    Returns:
        The metric columns, then the sweep that a run is of, then a column for each field of the
        configs and each option of `odapi train` in which the runs differ, in the order of their
        paths. Such a column has the last word of its path for a name, or the whole path where that
        could mean two things.

    Raises:
        OdapiError: nothing of the sources can be compared.
    """
    found, notes = read_sources(sources, workspace or find_workspace())
    records: list[Record] = []
    names = shorten([str(source.path) for source in found], "/")
    settings = _differing_settings(found)
    columns = shorten(list(settings), ".", taken=COLUMNS)
    for place, (name, source) in enumerate(zip(names, found, strict=True)):
        row, note = _pick(source, at)
        notes += [f"{name}: {note}"] if note else []
        differing = zip(columns, settings.values(), strict=True)
        settings_here = {column: values[place] for column, values in differing}
        records.append(build_record(name, row) | settings_here)
    records += [build_record(name, EvalRow(None, dict(m))) for name, m in (others or {}).items()]
    return Comparison(_settings_last(build_table(records), columns), tuple(notes))


def _pick(source: Source, at: At) -> tuple[Row, str]:
    """The row of a source that is asked for, and a note where it has none."""
    rows: Sequence[Row] = source.log.evaluations or source.log.train
    if not rows:
        return EvalRow(None, {}), ""
    if isinstance(at, int):
        there = [row for row in rows if row.step == at]
        steps = ", ".join(str(row.step) for row in rows if row.step is not None)
        return (there[-1], "") if there else (EvalRow(at, {}), f"nothing at step {at}, but {steps}")
    measured = [row for row in source.log.evaluations if row.metrics.get(_MAP, -1) >= 0]
    if at == "best" and measured:
        return max(measured, key=lambda row: row.metrics[_MAP]), ""
    # Of the same step the later one counts: a run that was resumed has passed it twice.
    return max(reversed(rows), key=lambda row: -1 if row.step is None else row.step), ""


def _differing_settings(sources: Sequence[Source]) -> dict[str, list[Any]]:
    """Values by path, one a source; None where a source has no config or no such field."""
    with_config = [source.config is not None for source in sources]
    fields = differing_fields([source.config for source in sources if source.config is not None])
    settings: dict[str, list[Any]] = {}
    for path, values in fields.items():
        known = iter(values)
        settings[path] = [next(known) if has else None for has in with_config]
    said = {path.rsplit(".", 1)[-1] for path in settings}
    for name, values in _differing_options(sources, with_config).items():
        if name not in said:  # the config as run holds what the option made of it
            settings[f"options.{name}"] = values
    return _sweep_columns(sources) | dict(sorted(settings.items()))


def _sweep_columns(sources: Sequence[Source]) -> dict[str, list[Any]]:
    """Of which sweep each is, and its patch, where any has such."""
    columns = {
        "sweep": [source.sweep for source in sources],
        "patch": [source.patch for source in sources],
    }
    return {name: values for name, values in columns.items() if any(values)}


def _differing_options(sources: Sequence[Source], told: Sequence[bool]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for source in sources for name in source.options)
    found = {}
    for name in names:
        values = [source.options.get(name) for source in sources]
        asked = [value for value, has in zip(values, told, strict=True) if has]
        plain = all(isinstance(value, str | int | float | None) for value in values)
        if plain and any(value != asked[0] for value in asked):
            found[name] = values
    return found


def _settings_last(table: pd.DataFrame, settings: Sequence[str]) -> pd.DataFrame:
    metrics = [column for column in table.columns if column not in settings]
    return table[[*metrics, *settings]]
