"""One row a run, or one a checkpoint: what changed between them, and every metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COLUMNS, METRICS
from odapi_runner.records.progress import Track, untracked
from odapi_runner.report.against import Compared, compare_with
from odapi_runner.report.entry import EVAL_DATA, Entry, build_entries, in_order, select
from odapi_runner.report.eval_data import differ_in_data, share_digests, tell_of_data
from odapi_runner.report.names import shorten
from odapi_runner.report.picking import At, Images, build_pick
from odapi_runner.report.rows import EvalRow, ParsedLog
from odapi_runner.report.settings import OF_SWEEP, differing_settings
from odapi_runner.report.source import Source
from odapi_runner.report.sources import read_sources
from odapi_runner.report.table import build_record, build_table
from odapi_runner.report.where import parse_condition
from odapi_runner.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3  # names in a sentence


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table, and what its reader should know beside it.

    Attributes:
        table: a row a run, or a checkpoint.
        notes: what is not in it, and why.
        sentences: what can be said of the differences from the baseline.
        sources: what the rows are of, each once, in their order.
        settings: the columns of what they were set to.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    settings: tuple[str, ...] = ()


def compare(
    sources: Sequence[str | Path] = (),
    *,
    at: At = "best",
    by: str = METRICS[0],
    steps: bool = False,
    where: Sequence[str] = (),
    sort: Sequence[str] = (),
    baseline: str | Path | None = None,
    noise: bool = True,
    track: Track = untracked,
    workspace: Workspace | None = None,
    others: Mapping[str, Mapping[str, float]] | None = None,
) -> Comparison:
    """Compare runs, each at its best step, its last one, a step of all, or an equal budget.

    Args:
        sources: run folders, names of runs or sweeps, log files or folders of runs; none: the
            workspace's.
        at: "best", "last", a step, or `picking.Images`.
        by: the metric that "best" means.
        steps: a row each evaluated checkpoint, not each run.
        where: conditions on columns and settings, all of which a row has to meet: `batch_size>=8`.
        sort: columns or settings: the best of a metric first, of all else the lowest, `-NAME` the
            other way round; where two are equal the next name decides. Empty cells come last.
        baseline: the run, as in `sources`, with which the others are compared; it is added where
            it is not among them, and counts at the same step as they do.
        noise: tell, too, whether a difference from the baseline is more than noise.
        track: shows how far the telling of noise is.
        workspace: where names of runs are looked up; the current one by default.
        others: metrics by tag of what is no run, by the name its row shall have.

    Returns:
        The metric columns; `images` where `at` asks for a budget; `eval_data` where runs are
        evaluated on different data; the sweep that a run is of; a column for each field of the
        configs and each option of `odapi train` in which the runs differ, in the order of their
        paths; then the columns of `against`. The column of a setting has the end of its path for
        a name, as much of it as means one thing only.

    Raises:
        OdapiError: nothing of the sources can be compared, or what is asked for is not there.
    """
    conditions = [_understood(text) for text in where]
    place = workspace or find_workspace()
    found, notes = read_sources(sources, place)
    names = shorten([source.name for source in found], "/")
    base = None if baseline is None else _find_baseline(baseline, found, names, place)
    if base and all(source is not base for source in found):
        found = [base, *found]
        names = shorten([source.name for source in found], "/")
    base_place = next((place for place, one in enumerate(found) if one is base), None)
    found = share_digests(found)
    pick = build_pick(at, by, found)
    images = isinstance(at, Images)
    entries: list[Entry] = []
    base_entry = None
    told: list[tuple[Source, list[str]]] = []
    for place_of, (name, source) in enumerate(zip(names, found, strict=True)):
        told.append((source, [*source.notes]))
        if place_of == base_place:
            base_entry = next(build_entries(source, name, pick, [], images=images))
        entries += build_entries(source, name, None if steps else pick, told[-1][1], images=images)
    some = select(entries, conditions)
    if entries and not some:
        notes.append(f"no row is left: of {len(entries)} none has {' and '.join(where)}")
    entries = in_order(some, sort)
    notes += _of_those_shown(told, entries)
    entries += [_other(name, metrics) for name, metrics in (others or {}).items()]
    notes += tell_of_data([*entries, *([base_entry] if base_entry else [])])
    compared = Compared({}, (), ())
    if base_entry:
        compared = compare_with(base_entry, entries, noise=noise, track=track)
    settings = _setting_columns(entries)
    return Comparison(
        _build_table(entries, settings, compared.columns),
        (*notes, *compared.notes),
        compared.sentences,
        tuple({id(entry.source): entry.source for entry in entries}.values()),
        tuple(name for name in settings if name not in OF_SWEEP),
    )


def _understood(text: str) -> Any:
    try:
        return parse_condition(text)
    except ValueError as error:
        raise OdapiError(str(error), fix="As in: batch_size>=8, mAP<0.5, run!=a") from error


def _find_baseline(
    given: str | Path, found: Sequence[Source], names: Sequence[str], place: Workspace
) -> Source:
    """The source whose row has that name, or which is meant by it; perhaps none of those found."""
    for name, source in zip(names, found, strict=True):
        if str(given) in {name, source.name}:
            return source
    meant, _ = read_sources([given], place)
    if len(meant) > 1:
        what = f"{given}: {len(meant)} runs, of which one only can be the baseline"
        known = ", ".join(shorten([source.name for source in meant], "/")[:_SHOWN])
        raise OdapiError(what, fix=f"Give one of them: {known}")
    path = meant[0].path.resolve()
    return next((source for source in found if source.path.resolve() == path), meant[0])


def _of_those_shown(
    told: Sequence[tuple[Source, Sequence[str]]], entries: Sequence[Entry]
) -> list[str]:
    """The notes of what has a row, each once: of a file of several runs they all have the same."""
    there = {id(entry.source) for entry in entries}
    return list(dict.fromkeys(note for one, own in told if id(one) in there for note in own))


def _other(name: str, metrics: Mapping[str, float]) -> Entry:
    row = EvalRow(None, dict(metrics))
    return Entry(Source(Path(name), ParsedLog((), (row,))), row, build_record(name, row))


def _setting_columns(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    settings = differing_settings([entry.trained for entry in entries])
    return dict(zip(shorten(list(settings), ".", taken=COLUMNS), settings.values(), strict=True))


def _build_table(
    entries: Sequence[Entry],
    settings: Mapping[str, list[Any]],
    compared: Mapping[str, list[Any]],
) -> pd.DataFrame:
    columns = dict(settings)
    if differ_in_data(entries):
        columns = {EVAL_DATA: [entry.data for entry in entries]} | columns
    columns |= compared
    records = [
        {**entry.record, **{name: cells[place] for name, cells in columns.items()}}
        for place, entry in enumerate(entries)
    ]
    table = build_table(records)
    metrics = [column for column in table.columns if column not in columns]
    return table[[*metrics, *columns]]
