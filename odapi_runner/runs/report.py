"""One run in full: `odapi report` as a call."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from odapi_runner import files
from odapi_runner.errors import DataError, OdapiError, RunError
from odapi_runner.formats.detections import (
    Detections,
    GroundTruth,
    read_detections,
    read_groundtruth,
)
from odapi_runner.metrics import columns_of
from odapi_runner.pipeline.overrides import parse_override
from odapi_runner.proto.differences import joined
from odapi_runner.report.run import sections
from odapi_runner.report.run.analysis import Analysis, analyse, draws_for
from odapi_runner.report.run.course import build_cost, build_course
from odapi_runner.report.run.document import Report, Section, Table, Thresholds
from odapi_runner.report.run.images import read_images
from odapi_runner.report.run.trend import describe_losses, describe_score
from odapi_runner.report.run.worst import draw_worst, find_worst
from odapi_runner.rundir import RunDir
from odapi_runner.runs.deeds import read_deeds
from odapi_runner.runs.diff import diff
from odapi_runner.runs.known import At, Known, choose_step, find_marks, read_known
from odapi_runner.runs.names import find_run
from odapi_runner.runs.status import read_status
from odapi_runner.scoring.noise import compare_detections
from odapi_runner.workspace import Workspace, find_workspace

IMAGES = 12  # the worst, unless more or fewer are asked for

_STATES: Final = {
    "queued": "The run waits for its turn",
    "running": "The run is training",
    "evaluating": "The run has trained, and is being evaluated",
    "lost": "The run is lost",
    "done": "The run is done",
    "failed": "The run has failed",
    "stopped": "The run was stopped",
}
_HEADLINE = ("mAP", "mAP_50", "mAP_75", "AR_100", "loss_total")


def build_report(
    run: str | Path | RunDir,
    *,
    at: At = "best",
    threshold: float | None = None,
    images: int = IMAGES,
    workspace: Workspace | None = None,
) -> Report:
    """Tell all that is known of one run.

    Args:
        run: its name or its folder.
        at: which checkpoint is looked at: the best by the run's metric, the last that was
            evaluated, or that of a step.
        threshold: the score from which on a box counts, in the confusion matrix, the table by
            class and the worst images; by default the one that serves best (the highest F1).
        images: how many of the worst images are drawn.
        workspace: where names are looked up; the current one by default.

    Returns:
        What `report.run.page.write_page` makes a page of, and `write_charts` files.

    Raises:
        RunError: there is no such run, or nothing was evaluated at that step.
    """
    place = workspace or find_workspace()
    known = read_known(run if isinstance(run, RunDir) else _find(str(run), place), place)
    step, chosen = choose_step(known, at)
    analysis, why_none = _analyse(known.run, step)
    marks = find_marks(known)
    parts = [
        build_course(known.training, known.evaluated, marks),
        *([] if analysis else [Section("detections", "Detections", (why_none,))]),
    ]
    slider = None
    if analysis:
        found, slider = _of_detections(known, analysis, threshold, images)
        parts += found
    parts += [_cost(known, analysis), _changes(known)]
    return Report(
        run=known.run.name,
        step=step,
        chosen=chosen,
        headline=_headline(known, step),
        sections=(_summary(known, analysis), *parts),
        thresholds=slider,
    )


def _find(name: str, place: Workspace) -> RunDir:
    try:
        return find_run(name, place)
    except RunError as error:
        if not files.is_file(Path(name)):
            raise
        what = f"{name}: a file, and a report is of one run"
        fix = f"If it is a log, read it with: odapi parse {shlex.quote(name)}"
        raise RunError(what, fix=fix) from error


def _analyse(run: RunDir, step: int | None) -> tuple[Analysis | None, str]:
    """Everything about a checkpoint's detections; None and the reason where there are none."""
    if step is None:
        return None, "Nothing was evaluated yet."
    try:
        truth, found = read_groundtruth(run.groundtruth), read_detections(run.detections_at(step))
        _check(truth, found, run)
    except DataError as error:
        fix = (error.fix or "").replace("RUN --step N", f"{run.typed} --step {step}")
        return None, f"{error.what}. {fix}"
    return analyse(truth, found), ""


def _check(truth: GroundTruth, found: Detections, run: RunDir) -> None:
    if found.image.max(initial=-1) >= len(truth.source_ids):
        raise DataError(
            f"step {found.step} was evaluated on other images than groundtruth.npz tells of",
            fix=f"Evaluate it again: odapi eval {run.typed} --step {found.step}",
        )


def _of_detections(
    known: Known, analysis: Analysis, threshold: float | None, images: int
) -> tuple[list[Section], Thresholds]:
    best = analysis.objects.best_threshold()
    served = best.threshold if best and best.f1 else 0.5
    level = served if threshold is None else threshold
    of_thresholds, slider = sections.build_thresholds(analysis, level)
    return [
        sections.build_classes(analysis, columns_of(analysis.detections.metrics)),
        sections.build_precision(analysis),
        sections.build_errors(analysis),
        of_thresholds,
        sections.build_confusion(analysis, level),
        _worst(known, analysis, level, images),
    ], slider


def _worst(known: Known, analysis: Analysis, threshold: float, images: int) -> Section:
    faults = find_worst(analysis.objects, threshold, images)
    if not faults:
        return sections.build_worst((), (), None)
    if known.config is None:
        return sections.build_worst(faults, (), "No picture: its config cannot be read.")
    try:
        wanted = [fault.image for fault in faults]
        encoded = read_images(known.config, known.place.root, analysis.groundtruth, wanted)
    except DataError as error:
        return sections.build_worst(faults, (), f"{error.what}. {error.fix}")
    pictures = draw_worst(analysis.objects, threshold, faults, encoded)
    return sections.build_worst(faults, pictures, None)


def _headline(known: Known, step: int | None) -> tuple[tuple[str, float | None], ...]:
    row = next((row for row in reversed(known.rows) if row.step == step), None)
    values = columns_of(row.metrics) if row else {}
    return tuple((name, values.get(name)) for name in _HEADLINE)


def _summary(known: Known, analysis: Analysis | None) -> Section:
    metric = known.spec.options.best
    sentences = [
        _describe_state(known.run),
        describe_score(metric, known.evaluated.get(metric)),
        describe_losses(
            known.training.get("loss_total"), known.evaluated.get("loss_total")
        ).sentence,
    ]
    if analysis:
        sentences += [
            sections.describe_mean(analysis),
            _against_last(known, analysis),
            sections.describe_errors(analysis),
            sections.describe_threshold(analysis),
        ]
    return Section("summary", "In words", (*filter(None, sentences), *known.notes))


def _describe_state(run: RunDir) -> str:
    """What has become of a run, how far it came, and why where that is known."""
    status = read_status(run)
    at = "" if status.step is None else f" at step {status.step} of {status.num_steps}"
    why = f": {status.what.removesuffix('.')}" if status.what else ""
    return f"{_STATES[status.state]}{at}{why}."


def _against_last(known: Known, analysis: Analysis) -> str | None:
    """Whether the checkpoint that is looked at is better than the last one by more than noise."""
    last = max(known.run.evaluated_steps())
    here, truth = analysis.detections, analysis.groundtruth
    if last == here.step:
        return None
    try:
        other = read_detections(known.run.detections_at(last))
        _check(truth, other, known.run)
    except DataError:
        return None
    difference = compare_detections(truth, other, here, draws=draws_for(here))
    if math.isnan(difference.value):
        return None
    told = difference.sentence(f"step {last}", f"step {here.step}")
    return f"{told[0].upper()}{told[1:]}."


def _cost(known: Known, analysis: Analysis | None) -> Section:
    images = len(analysis.groundtruth.source_ids) if analysis else None
    return build_cost(known.training, known.events, known.stages, images=images)


def _changes(known: Known) -> Section:
    """Where the run came from, what differs from there, and what happened on the way."""
    sentences, tables = _since_parent(known)
    if known.spec.overrides:
        sentences.append(f"Set beside its config: {' '.join(_holding(known.spec.overrides))}.")
    deeds = tuple((_when(deed.time), deed.kind, deed.what) for deed in read_deeds(known.run))
    if deeds:
        tables.append(Table("What happened on the way", ("when", "event", "what"), deeds))
    return Section("changes", "Where it came from", tuple(sentences), tables=tuple(tables))


def _holding(overrides: Sequence[str]) -> list[str]:
    """What was set and still holds: of a path that was set again the last, and all appended."""
    parsed = [parse_override(item) for item in overrides]
    last = {item.path: place for place, item in enumerate(parsed) if not item.appends}
    return [
        text
        for place, (text, item) in enumerate(zip(overrides, parsed, strict=True))
        if place >= last.get(item.path, 0)
    ]


def _since_parent(known: Known) -> tuple[list[str], list[Table]]:
    parent = known.spec.parent
    if parent is None:
        return ["It was not started from another run."], []
    at = "" if known.spec.parent_step is None else f" at step {known.spec.parent_step}"
    came = f"It was started from {parent}{at}"
    try:
        other = find_run(parent, known.place)
        differences = diff(other.root, known.run.root, semantic=True, workspace=known.place)
    except OdapiError as error:
        return [f"{came}; what differs is not known: {error.what}."], []
    if not differences.differences:
        return [f"{came}, and trained in the same way."], []
    rows = tuple((each.path, *map(joined, each.values)) for each in differences.differences)
    table = Table(f"What changed since {parent}", ("field", parent, known.run.name), rows)
    return [f"{came}."], [table]


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"
