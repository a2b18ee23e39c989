"""How a run went: its curves, and what it has cost in time and memory."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from odapi_runner.metrics import LEARNING_RATE, LOSS_TAGS
from odapi_runner.report.run import charts
from odapi_runner.report.run.curves import SPEED
from odapi_runner.report.run.document import Chart, Curve, Section, Table
from odapi_runner.report.stages import Stage, stage_at

_SHOWN_METRICS = ("mAP", "mAP_50", "mAP_75")
_VALIDATION = "validation"
_ENDS = ("finished", "stopped")  # what a trainer tells last: a resumed run has several
_DOTTED = 50  # points up to which a curve shows each of them

Marks = Sequence[tuple[int, str]]


def build_course(
    training: Mapping[str, Curve], evaluated: Mapping[str, Curve], marks: Marks
) -> Section:
    """Losses, learning rate and metrics by step, and where the run was best."""
    losses = [
        Curve(f"{kind} {_spoken(name)}", curve.steps, curve.values)
        for kind, curves in (("training", training), (_VALIDATION, evaluated))
        for name, curve in sorted(curves.items())
        if curve.steps and (name in LOSS_TAGS or name.startswith("Loss/"))
    ]
    totals = [curve for curve in losses if curve.name.endswith(" total")]
    parts = [curve for curve in losses if curve not in totals]
    rate = _known(max(training, evaluated, key=_count_rates), (LEARNING_RATE,))
    metrics = _known(evaluated, _SHOWN_METRICS)
    drawn = [
        ("losses", "Losses", totals, "loss", True),
        ("loss-parts", "Losses by part", parts, "loss", True),
        ("metrics", "Metrics", metrics, "average precision", False),
        ("learning-rate", "Learning rate", rate, "learning rate", False),
    ]
    found = [curve for _, _, curves, _, _ in drawn for curve in curves]
    if not found:
        return Section("course", "Course", ("No curves: nothing was logged or evaluated yet.",))
    return Section(
        "course",
        "Course",
        tuple(f"{word}: step {step}" for step, word in marks),
        curves=(*totals, *metrics, *rate),
        charts=tuple(
            _chart(name, title, curves, y, marks, logarithmic=logarithmic)
            for name, title, curves, y, logarithmic in drawn
            if curves
        ),
    )


def _count_rates(curves: Mapping[str, Curve]) -> int:
    """How many learning rates are known: a short training logs fewer than are evaluated."""
    rates = curves.get(LEARNING_RATE)
    return len(rates.steps) if rates else 0


def _spoken(loss: str) -> str:
    """`total` of `loss_total`, and of a loss without a column of its own what is behind `Loss/`."""
    return loss.removeprefix("loss_").removeprefix("Loss/").removesuffix("_loss")


def _known(curves: Mapping[str, Curve], names: Sequence[str]) -> list[Curve]:
    return [curve for name in names if (curve := curves.get(name)) and curve.steps]


def _chart(
    name: str, title: str, curves: Sequence[Curve], y: str, marks: Marks, *, logarithmic: bool
) -> Chart:
    ends = (f"{curve.name}: {curve.values[-1]:.4g} at {curve.steps[-1]}" for curve in curves)
    few = [curve.name for curve in curves if len(curve.steps) <= _DOTTED]
    validation = [curve.name for curve in curves if curve.name.startswith(_VALIDATION)]
    draw = partial(
        charts.draw_curves,
        curves,
        y=y,
        marks=marks,
        logarithmic=logarithmic,
        dotted=few,
        dashed=validation,
    )
    return Chart(name, title, f"{title} by step, at the end {'; '.join(ends)}.", draw)


def build_cost(
    training: Mapping[str, Curve],
    events: Sequence[Mapping[str, Any]],
    stages: Sequence[Stage],
    *,
    images: int | None,
) -> Section:
    """Speed and memory, of what the events and the curves tell.

    Args:
        training: the trainer's curves.
        events: the run's, in their order.
        stages: with what it was trained, and so how many images a step saw.
        images: how many an evaluation looks at.
    """
    rows: list[tuple[str, float | int | None, str]] = []
    speed = training.get(SPEED)
    if speed and speed.values:
        middle = statistics.median(speed.values)
        rows.append(("training", middle, "steps/s"))
        seen = [stage.images_a_step for step in speed.steps if (stage := stage_at(stages, step))]
        rates = [rate * images for rate, images in zip(speed.values, seen, strict=False)]
        rows += [("training", statistics.median(rates), "images/s")] if rates else []
    told = {event["kind"]: event for event in events if event.get("role") == "train"}
    if "first_step" in told:
        rows.append(("from start to first step", told["first_step"]["seconds"], "s"))
    ends = [event for event in events if event.get("role") == "train" and event["kind"] in _ENDS]
    if peaks := [event["peak_mib"] for event in ends if event.get("peak_mib") is not None]:
        rows.append(("trainer's peak memory", max(peaks), "MiB"))
    if waits := [event["input_wait"] for event in ends if event.get("input_wait") is not None]:
        middle = 100 * statistics.median(waits)
        rows.append(("waiting for input", middle, "% of the time"))
    if seconds := _evaluation_seconds(events):
        middle = statistics.median(seconds)
        rows.append(("an evaluation", middle, "s"))
        rows += [("evaluation", images / middle, "images/s")] if images and middle else []
    if not rows:
        return Section("cost", "Speed and memory", ("Nothing is known of them.",))
    drawn = (
        (_chart("speed", "Speed", [speed], "steps/s", (), logarithmic=False),)
        if speed and speed.steps
        else ()
    )
    table = Table("Medians", ("what", "value", "unit"), tuple(rows))
    return Section("cost", "Speed and memory", tables=(table,), charts=drawn)


def _evaluation_seconds(events: Sequence[Mapping[str, Any]]) -> list[float]:
    """How long each evaluation has taken."""
    begun: dict[int, float] = {}
    seconds = []
    for event in events:
        if event["kind"] == "evaluating":
            begun[event["step"]] = event["time"]
        elif event["kind"] == "evaluated" and event.get("step") in begun:
            seconds.append(event["time"] - begun.pop(event["step"]))
    return seconds
