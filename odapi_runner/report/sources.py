"""What can be compared: run folders, log files, and folders of runs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odapi_runner import files
from odapi_runner.errors import OdapiError, RunError, did_you_mean
from odapi_runner.formats.detections import read_metrics
from odapi_runner.metrics import COLUMN_OF_TAG
from odapi_runner.proto.text import read_pipeline
from odapi_runner.report.logs import read_log
from odapi_runner.report.rows import EvalRow, ParsedLog
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace

_TAG_OF_COLUMN = {column: tag for tag, column in COLUMN_OF_TAG.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """One run, or one log that stands for one."""

    path: Path
    log: ParsedLog
    config: Any | None = None  # TrainEvalPipelineConfig
    options: dict[str, Any] = field(default_factory=dict)  # what `odapi train` was asked
    sweep: str | None = None  # the name of the one that it is of
    patch: str | None = None  # where the sweep varies that


def read_sources(
    given: Sequence[str | Path], workspace: Workspace
) -> tuple[list[Source], list[str]]:
    """Read what was given; what holds nothing to compare becomes a note instead.

    Args:
        given: paths of runs, logs or folders of runs, or names of runs or sweeps of the workspace;
            nothing means all runs of the workspace.
        workspace: where names are looked up.

    Returns:
        The sources in the order given, each once, and the notes.

    Raises:
        RunError: something given does not exist, or nothing of it can be compared.
        OdapiError: the only thing given cannot be used; the error says why.
    """
    found = (_find(item, workspace) for item in given)
    places = list(itertools.chain.from_iterable(found)) or [workspace.train]
    sources: dict[Path, Source] = {}
    problems: list[OdapiError] = []
    notes: list[str] = []
    for path in itertools.chain.from_iterable(_expand(place) for place in places):
        if path.resolve() not in sources:
            try:
                sources[path.resolve()] = _read(path, notes)
            except OdapiError as error:
                problems.append(error)
    if not sources:
        if len(problems) == 1:
            raise problems[0]
        where = ", ".join(str(place) for place in places)
        raise RunError(f"{where}: nothing to compare", fix="Start a run: odapi train NAME")
    return list(sources.values()), [*(f"skipped {error.what}" for error in problems), *notes]


def is_run(folder: Path) -> bool:
    """Whether the folder is one run, of odapi or with its results."""
    run = RunDir(folder)
    return any(path.exists() for path in (run.run_json, run.detections, run.metrics_csv))


def _find(item: str | Path, workspace: Workspace) -> list[Path]:
    path = Path(item)
    for there in (path, workspace.train / path):
        if files.exists(there):
            return [there]
    runs = sorted(workspace.train.glob("*/"), key=_by_number)
    sweeps = {run: _read_sweep(_read_asked(RunDir(run))).get("name") for run in runs}
    if of_sweep := [run for run in runs if sweeps[run] == str(item)]:
        return of_sweep
    known = {run.name for run in runs} | {name for name in sweeps.values() if name}
    fix = did_you_mean(str(item), known) or "Give a folder below train/, or a log."
    raise RunError(f"{item}: there is no such run or log", fix=fix)


def _expand(path: Path) -> list[Path]:
    """The path itself, or the folders in it if it is no run; NAME-2 comes before NAME-10."""
    if path.is_file() or is_run(path):
        return [path]
    return sorted(path.glob("*/"), key=_by_number)


def _by_number(path: Path) -> tuple[str, int, str]:
    stem, _, number = path.name.rpartition("-")
    return (stem, int(number), "") if stem and number.isdecimal() else (path.name, 0, "")


def _read(path: Path, notes: list[str]) -> Source:
    if not path.is_dir():
        return Source(path, read_log(path))
    if not is_run(path):
        raise RunError(f"{path}: not a run", fix="Give a folder below train/, or a log.")
    run = RunDir(path)
    evaluations = read_evaluations(run, notes)
    if not evaluations:
        notes.append(f"{path}: no evaluation yet")
    config = None
    try:
        config = read_pipeline(run.config)
    except OdapiError as error:
        notes.append(error.what)
    asked = _read_asked(run)
    options, sweep = asked.get("options"), _read_sweep(asked)
    return Source(
        path,
        ParsedLog((), tuple(evaluations)),
        config,
        options if isinstance(options, dict) else {},
        sweep.get("name"),
        sweep.get("values", {}).get("patch"),
    )


def read_evaluations(run: RunDir, notes: list[str]) -> list[EvalRow]:
    """The evaluations of a run by step; what cannot be read becomes a note."""
    rows = []
    for step in run.evaluated_steps():
        try:
            rows.append(EvalRow(*read_metrics(run.detections_at(step))))
        except OdapiError as error:
            notes.append(error.what)
    if not rows and run.metrics_csv.exists():
        rows = _read_metrics_csv(run.metrics_csv)
    return rows


def _read_metrics_csv(path: Path) -> list[EvalRow]:
    """The rows of a metrics.csv, of a run whose detections are gone."""
    import pandas as pd

    try:
        frame = pd.read_csv(path)
        steps = [int(step) for step in frame.pop("step")]
    except (ValueError, KeyError, OSError) as error:
        fix = f"Remove it and evaluate again: odapi eval {RunDir(path.parent).typed} --step all"
        raise RunError(f"{path}: not a table of metrics ({error})", fix=fix) from error
    frame = frame.select_dtypes("number").rename(columns=_TAG_OF_COLUMN)
    rows = frame.to_dict("records")
    return [
        EvalRow(step, {str(tag): value for tag, value in row.items() if not math.isnan(value)})
        for step, row in zip(steps, rows, strict=True)
    ]


def _read_asked(run: RunDir) -> dict[str, Any]:
    """The content of run.json; nothing where there is none."""
    try:
        asked = files.read_json(run.run_json)
    except (OSError, json.JSONDecodeError):
        return {}
    return asked if isinstance(asked, dict) else {}


def _read_sweep(asked: dict[str, Any]) -> dict[str, Any]:
    """Name and values of the sweep of which it is a run; nothing where it is of none."""
    sweep = asked.get("sweep")
    return sweep if isinstance(sweep, dict) else {}
