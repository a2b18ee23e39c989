"""The sections of a report, each from what is known of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from odapi_runner.metrics import COCO_METRICS, COLUMNS
from odapi_runner.report.run import charts
from odapi_runner.report.run.analysis import Analysis
from odapi_runner.report.run.document import Chart, Picture, Section, Table, Thresholds
from odapi_runner.report.run.objects import THRESHOLDS
from odapi_runner.report.run.tide import KINDS
from odapi_runner.report.run.worst import Fault

_AREAS = ("mAP", "mAP_small", "mAP_medium", "mAP_large")
_CLASS_METRICS = (*(metric.column for metric in COCO_METRICS[:6]), "AR_100")
_RECALLS = (25, 50, 75, 90)  # per cent, at which a table tells the precision
_OF_TIDE = (
    "Every box that is wrong has one kind, whatever its score; what a kind costs is how much AP_50 "
    "mending it alone would gain (TIDE, 2020)."
)
_OF_SHARES = (
    "Shares of the objects of each class: the surest box on it says another class, or the right "
    "one, or there is none."
)
_BY_THRESHOLD = (
    "class",
    "objects",
    "misclassified",
    "correct",
    "missed or false",
    "false boxes",
    "extra boxes",
)
_OF_BOXES = (
    "A false box lies on no object; an extra box lies on one without finding it: a second one, or "
    "one of another class. F1 counts both as errors."
)
_KIND_WORDS = {
    "cls": "on an object of another class",
    "loc": "beside an object of its class (IoU 0.1 to 0.5)",
    "both": "beside an object of another class",
    "dupe": "a second box on an object",
    "bkg": "on nothing",
    "miss": "an object without any of these",
}


def describe_mean(analysis: Analysis) -> str | None:
    """A sentence on how far mAP depends on the choice of images; None without objects."""
    mean = analysis.mean
    if math.isnan(mean.value) or mean.images < 2:
        return None
    return (
        f"On these {mean.images} images mAP is {mean.value:.3f}; on others like them between "
        f"{mean.low:.3f} and {mean.high:.3f} (95 %)."
    )


def build_classes(analysis: Analysis, metrics: Mapping[str, float]) -> Section:
    """Average precision by class and by size."""
    classes = [one for one in analysis.classes if one.objects]
    if not classes:
        return Section("classes", "By class and size", ("The evaluation has no objects.",))
    classes.sort(key=lambda one: -(one.values["mAP"] or 0))
    names = [one.name for one in classes]
    rows = tuple(
        (one.name, one.objects, *(one.values[column] for column in _CLASS_METRICS))
        for one in classes
    )
    objects = sum(one.objects for one in classes)
    sizes = [(column, metrics.get(column)) for column in _AREAS]
    others = tuple((name, value) for name, value in metrics.items() if _is_other(name))
    draw = partial(
        charts.draw_bars,
        names,
        [
            ("IoU 0.50 to 0.95", [one.values["mAP"] for one in classes]),
            ("IoU 0.50", [one.values["mAP_50"] for one in classes]),
        ],
        x="average precision",
    )
    by_size = partial(
        charts.draw_bars,
        [column.removeprefix("mAP_") if column != "mAP" else "all" for column, _ in sizes],
        [("mAP", [value for _, value in sizes])],
        x="mAP",
    )
    return Section(
        "classes",
        "By class and size",
        (f"{_counted(len(names), 'class', 'classes')}, {_counted(objects, 'object', 'objects')}.",),
        tables=(
            Table("COCO's figures by class", ("class", "objects", *_CLASS_METRICS), rows),
            *([Table("Other figures", ("figure", "value"), others)] if others else []),
        ),
        charts=(
            Chart("ap-by-class", "AP by class", f"Average precision of {', '.join(names)}.", draw),
            Chart(
                "ap-by-size",
                "AP by size",
                "Average precision of small (below 32² pixels), "
                "medium (below 96²) and large objects.",
                by_size,
            ),
        ),
    )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _is_other(column: str) -> bool:
    """Whether a metric is none of every table, no loss, and not of one class: KITTI's, say."""
    return column not in COLUMNS and not column.startswith(("Detection", "Loss/"))


def build_precision(analysis: Analysis) -> Section:
    """Precision-recall curves at an IoU of 0.5."""
    curves = analysis.precision
    if not curves:
        return Section("precision", "Precision and recall", ("The evaluation has no objects.",))
    told = ", ".join(f"{curve.name} {curve.average:.3f}" for curve in curves)
    chart = Chart(
        "precision-recall",
        "Precision over recall",
        f"Precision over recall at IoU 0.5; average precision: {told}.",
        partial(charts.draw_precision, curves),
    )
    rows = tuple(
        (curve.name, curve.average, *(float(curve.precision[place]) for place in _RECALLS))
        for curve in curves
    )
    columns = ("class", "AP_50", *(f"at recall {place / 100:.2f}" for place in _RECALLS))
    table = Table("Precision", columns, rows)
    return Section("precision", "Precision and recall", tables=(table,), charts=(chart,))


def build_errors(analysis: Analysis) -> Section:
    """TIDE's errors by kind, and which of them costs most."""
    errors = analysis.errors
    counts = errors.count()
    rows = tuple((kind, _KIND_WORDS[kind], counts[kind], errors.cost[kind]) for kind in KINDS)
    worst = max(KINDS, key=lambda kind: errors.cost[kind])
    sentences = [
        _OF_TIDE,
    ]
    if errors.cost[worst] > 0:
        sentences.insert(0, describe_errors(analysis) or "")
    chart = Chart(
        "errors",
        "Errors by kind",
        "; ".join(f"{kind}: {counts[kind]}, cost {errors.cost[kind]:.3f}" for kind in KINDS),
        partial(charts.draw_errors, errors),
    )
    return Section(
        "errors",
        "Errors by kind",
        tuple(sentences),
        tables=(Table("Errors", ("kind", "a box", "number", "AP_50 lost"), rows),),
        charts=(chart,),
    )


def describe_errors(analysis: Analysis) -> str | None:
    """A sentence on the kind of error that costs most; None where none costs anything."""
    errors = analysis.errors
    worst = max(KINDS, key=lambda kind: errors.cost[kind])
    if not errors.cost[worst]:
        return None
    words = {
        "cls": "objects found as another class",
        "loc": "boxes that lie beside their object",
        "both": "boxes beside an object of another class",
        "dupe": "second boxes on one object",
        "bkg": "boxes on nothing",
        "miss": "objects that are not found at all",
    }
    cost, now = errors.cost[worst], errors.average
    return (
        f"Most is lost by {words[worst]}: mending it would raise AP_50 from {now:.3f} to "
        f"{now + cost:.3f}."
    )


def build_confusion(analysis: Analysis, threshold: float) -> Section:
    """Who is taken for whom at a score threshold."""
    objects = analysis.objects
    matrix = objects.confusion(threshold)
    names = objects.groundtruth.class_names.tolist()
    pairs = sorted(
        (
            (int(matrix[row, column]), name, other)
            for row, name in enumerate(names)
            for column, other in enumerate(names)
            if row != column and matrix[row, column]
        ),
        key=lambda pair: -pair[0],
    )
    told = [f"{name} taken for {other}: {number}" for number, name, other in pairs[:5]]
    sentence = f"From a score of {_told(threshold)} on. " + (
        f"Most often confused: {'; '.join(told)}." if told else "No class is taken for another."
    )
    columns = ("there is", *names, "missed")
    rows = tuple((name, *matrix[place].tolist()) for place, name in enumerate([*names, "nothing"]))
    draw = partial(charts.draw_confusion, objects, threshold)
    return Section(
        "confusion",
        "Confusion",
        (sentence,),
        tables=(Table("Objects by what they are taken for", columns, rows),) if names else (),
        charts=(Chart("confusion", "Confusion matrix", sentence, draw),) if names else (),
    )


def build_thresholds(analysis: Analysis, threshold: float) -> tuple[Section, Thresholds]:
    """The table by class at a score threshold, the thresholds that serve best, and the slider."""
    objects = analysis.objects
    overall = objects.best_threshold()
    counts = objects.count(threshold)
    rows = tuple(
        (one.name, one.objects, *(one.shares or (None, None, None)), one.false, one.extra)
        for one in counts
    )
    best = tuple(
        (one.name, one.threshold if one.f1 else None, one.f1, one.f1_at_half)
        for one in objects.best_thresholds()
    )
    every = [objects.count(float(value)) for value in THRESHOLDS]
    slider = Thresholds(
        values=tuple(THRESHOLDS.tolist()),
        shown=threshold,
        classes=tuple(one.name for one in counts),
        objects=tuple(one.objects for one in counts),
        counts=tuple(
            tuple(
                (one.misclassified, one.correct, one.false, one.extra)
                for one in (at[place] for at in every)
            )
            for place in range(len(counts))
        ),
    )
    section = Section(
        "thresholds",
        "Objects by class",
        (
            f"{_OF_SHARES} {_OF_BOXES}",  # the score is the table's, whose title follows the slider
            *([describe_threshold(analysis) or ""] if overall else []),
        ),
        tables=(
            Table(f"At a score of {_told(threshold)}", _BY_THRESHOLD, rows),
            Table(
                "The threshold that serves best", ("class", "threshold", "F1", "F1 at 0.5"), best
            ),
        ),
        charts=(
            Chart(
                "thresholds",
                "F1 by threshold",
                "; ".join(_tell_best(name, at) for name, at, _, _ in best) or "No objects.",
                partial(charts.draw_thresholds, objects),
            ),
        ),
    )
    return section, slider


def _told(threshold: float) -> str:
    """A threshold with two decimals; one that somebody chose between them with its four digits."""
    rounded, exact = f"{threshold:.2f}", f"{threshold:.4g}"
    return rounded if float(rounded) == float(exact) else exact


def _tell_best(name: str, threshold: float | None) -> str:
    return f"{name}: " + ("never found" if threshold is None else f"best at {threshold:.2f}")


def describe_threshold(analysis: Analysis) -> str | None:
    """A sentence on the threshold that serves best; None without objects."""
    best = analysis.objects.best_threshold()
    if best is None:
        return None
    if best.f1 == 0:
        return f"No box that is right has a score of {THRESHOLDS[0]:.2f} or more."
    at_half = f" (at 0.50: {best.f1_at_half:.3f})" if best.threshold != 0.5 else ""
    return f"A score threshold of {best.threshold:.2f} serves best: F1 {best.f1:.3f}{at_half}."


def build_worst(
    faults: Sequence[Fault], pictures: Sequence[Picture], why_none: str | None
) -> Section:
    """The images with the most errors; those of which there is no picture are told.

    Args:
        faults: the errors of each.
        pictures: of those that could be drawn.
        why_none: why none could be drawn; None where each has been looked for.
    """
    if not faults:
        return Section("worst", "Worst images", ("No image has an error.",))
    missing = len(faults) - len(pictures)
    gone = f"{missing} of them are not in the records any more, or are no images."
    sentences = [why_none or gone] if missing else []
    return Section(
        "worst",
        "Worst images",
        tuple(sentences),
        tables=(
            Table(
                "Errors",
                ("image", "misclassified", "missed", "false boxes"),
                tuple((one.name, one.misclassified, one.missed, one.false) for one in faults),
            ),
        ),
        pictures=tuple(pictures),
    )
