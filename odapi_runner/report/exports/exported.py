"""What is exported of a run, whoever takes it: parameters, numbers by step, files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from odapi_runner.metrics import column_of, columns_of
from odapi_runner.proto.differences import joined
from odapi_runner.proto.written import written_fields
from odapi_runner.report.run.curves import read_training
from odapi_runner.report.source import Source, read_asked

_TRAIN = "train/"  # before what the trainer told: the evaluator tells a loss of the same name
_ID_LENGTH = 16
_LOGS = ("train", "eval")


@dataclass(frozen=True, slots=True)
class Exported:
    """One run.

    Attributes:
        id: the same whenever it is exported again: sixteen hexadecimal digits.
        name: for people.
        started: seconds since the epoch; None where nobody knows.
        settings: each field that its config or its notebook writes and each option of
            `odapi train`, by path.
        numbers: by step, then by column; `train/…` is what the trainer told. Steps ascend; of
            evaluations of which nobody says the step the last one is at 0, since such programs
            take one number a step.
        files: its configs, what was asked, its table of metrics, its logs; no checkpoints. Of a
            folder of event files none: its numbers are all that is to be told of it.
    """

    id: str
    name: str
    started: float | None
    settings: Mapping[str, Any]
    numbers: Mapping[int, Mapping[str, float]]
    files: tuple[Path, ...]


def build_exported(source: Source, name: str) -> Exported:
    """Collect what there is of a run or a log."""
    asked = read_asked(source.run) if source.run else {}
    created = asked.get("created")
    settings = {} if source.said is None else written_fields(source.said)
    said = {path: joined(value) for path, value in settings.items()}
    options = {key: value for key, value in source.options.items() if value is not None}
    told = {f"options.{key}": _plain(value) for key, value in options.items()}
    identity = f"{created} {asked.get('name')}" if created else str(Path(source.name).resolve())
    return Exported(
        id=hashlib.sha256(identity.encode()).hexdigest()[:_ID_LENGTH],
        name=name,
        started=_seconds(created),
        settings=said | told,
        numbers=_numbers(source),
        files=_files(source),
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _numbers(source: Source) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    if source.run:
        for curve in read_training(source.run).values():
            for step, value in zip(curve.steps, curve.values, strict=True):
                found.setdefault(step, {})[_TRAIN + curve.name] = value
    for row in source.log.train:
        if row.step is not None:
            told = {_TRAIN + column_of(tag): value for tag, value in row.values.items()}
            found.setdefault(row.step, {}).update(told)
    placeless = [one for one in source.log.evaluations if one.step is None]
    placed = [one for one in source.log.evaluations if one.step is not None]
    for evaluation in (*placeless[-1:], *placed):
        found.setdefault(evaluation.step or 0, {}).update(columns_of(evaluation.metrics))
    return dict(sorted(found.items()))


def _files(source: Source) -> tuple[Path, ...]:
    run = source.run
    if run is None:
        return (source.path,) if source.path.is_file() else ()
    revisions = range(1, run.revision() + 1)
    wanted = [
        *(run.config_of(revision) for revision in revisions),
        *(run.run_json_of(revision) for revision in revisions),
        run.metrics_csv,
        *(run.log(role) for role in _LOGS),
    ]
    return tuple(path for path in wanted if path.is_file())


def _seconds(created: Any) -> float | None:
    try:
        return datetime.fromisoformat(created).timestamp()
    except (TypeError, ValueError):
        return None
