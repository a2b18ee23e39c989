"""The differences of runs from one of them, the baseline, and whether they are more than noise.

Columns, of each row:

    mAP_delta, …          how much higher a metric is than the baseline's, one of each of `METRICS`
    verdict               of mAP: "better", "worse", "cannot be told apart", "not comparable"
    mAP_low, mAP_high     where the difference lies with 95 %, whichever images had been taken
    mAP_p                 how often chance alone makes such a difference
    mAP_50_low, …         the same three of mAP_50
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.formats.detections import Found, GroundTruth, read_detections, read_groundtruth
from odapi_runner.metrics import METRICS
from odapi_runner.records.progress import Track, untracked
from odapi_runner.report.entry import Entry
from odapi_runner.scoring.noise import Difference, Metric, compare_detections

TESTED: tuple[Metric, ...] = ("mAP", "mAP_50")
VERDICT = "verdict"
BETTER, WORSE = "better", "worse"
NO_DIFFERENCE, NOT_COMPARABLE = "cannot be told apart", "not comparable"

_Kept = tuple[GroundTruth, Found]  # by an evaluation: what was to be found, and what was


@dataclass(frozen=True, slots=True)
class Compared:
    """Columns of as many cells as there are rows, what they mean in words, and what is missing."""

    columns: dict[str, list[Any]]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A row and the baseline: what can be said of the two."""

    verdict: str | None = None
    tests: tuple[Difference, ...] = ()  # one of each of `TESTED`; empty: not tested
    sentence: str = ""
    note: str = ""  # why it could not be tested


def delta_column(metric: str) -> str:
    """The column of a metric's difference from the baseline's."""
    return f"{metric}_delta"


def compare_with(
    base: Entry,
    entries: Sequence[Entry],
    *,
    noise: bool,
    track: Track = untracked,
) -> Compared:
    """Compare each row with the baseline.

    Args:
        base: the baseline.
        entries: all rows; the baseline's own has differences of 0 and no verdict.
        noise: test `TESTED`, too, by the detections that the runs have kept.
        track: shows how far it is; a row of thousands of images takes seconds.

    Returns:
        The columns that the head of this module tells. Cells are empty where one of the two has no
        such metric or no detections, or the two are not comparable.
    """
    kept = _read_kept(base) if noise else None
    tracked = track(entries, "Noise") if noise else entries
    pairs = [_compare(base, entry, kept) for entry in tracked]
    columns: dict[str, list[Any]] = {
        delta_column(metric): [
            _delta(base, entry, metric) if pair.verdict != NOT_COMPARABLE else None
            for entry, pair in zip(entries, pairs, strict=True)
        ]
        for metric in METRICS
    }
    columns[VERDICT] = [pair.verdict for pair in pairs]
    for place, metric in enumerate(TESTED if noise else ()):
        tests = [pair.tests[place] if pair.tests else None for pair in pairs]
        columns[f"{metric}_low"] = [test and test.low for test in tests]
        columns[f"{metric}_high"] = [test and test.high for test in tests]
        columns[f"{metric}_p"] = [test and test.p_value for test in tests]
    sentences = tuple(pair.sentence for pair in pairs if pair.sentence)
    return Compared(columns, sentences, tuple(dict.fromkeys(p.note for p in pairs if p.note)))


def _compare(base: Entry, entry: Entry, kept: _Kept | str | None) -> _Pair:
    if entry.source is base.source and entry.row.step == base.row.step:
        return _Pair()
    one, other = base.source.data, entry.source.data
    if one and other and one != other:
        return _apart(base, entry)
    return _Pair() if kept is None else _test(base, entry, kept)


def _test(base: Entry, entry: Entry, kept: _Kept | str) -> _Pair:
    found = _read_kept(entry)
    if isinstance(kept, str) or isinstance(found, str):
        return _Pair(note=kept if isinstance(kept, str) else str(found))
    if not kept[0].is_same(found[0]):
        return _apart(base, entry)
    tests = tuple(compare_detections(*kept, found[1], metric) for metric in TESTED)
    verdict = NO_DIFFERENCE
    if tests[0].is_told_apart:
        verdict = BETTER if tests[0].value > 0 else WORSE
    return _Pair(verdict, tests, tests[0].sentence(_called(base), _called(entry)))


def _apart(base: Entry, entry: Entry) -> _Pair:
    what = f"{_called(entry)} and {_called(base)} are not comparable: other evaluation data"
    return _Pair(NOT_COMPARABLE, (), what)


def _delta(base: Entry, entry: Entry, metric: str) -> float | None:
    one, other = base.record.get(metric), entry.record.get(metric)
    return None if one is None or other is None else float(other - one)


def _read_kept(entry: Entry) -> _Kept | str:
    """The boxes of an evaluation, or why they are not known."""
    run = entry.source.run
    if run is None or entry.row.step is None:
        return f"{_called(entry)}: no detections are kept, so noise is not told"
    try:
        return read_groundtruth(run.groundtruth), read_detections(run.detections_at(entry.row.step))
    except OdapiError as error:
        return f"noise is not told: {error.what}"


def _called(entry: Entry) -> str:
    step = entry.row.step
    return entry.name if step is None else f"{entry.name} at step {step}"
