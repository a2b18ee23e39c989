"""The curves of a run: what its trainer wrote for TensorBoard, and what its evaluations gave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from odapi_runner.formats.event_file import event_files, read_scalars
from odapi_runner.metrics import column_of, columns_of
from odapi_runner.report.rows import EvalRow
from odapi_runner.report.run.document import Curve
from odapi_runner.rundir import RunDir

SPEED = "steps_per_sec"


def read_training(run: RunDir) -> dict[str, Curve]:
    """What the trainer wrote, by column (a tag without a column has its own name).

    A run that was resumed has passed some steps twice: where a later file begins, what earlier
    ones have from that step on is gone, as TensorBoard shows it.
    """
    points: dict[str, dict[int, float]] = {}
    for path in event_files(run.train_events):
        new: dict[str, dict[int, float]] = {}
        for step, tag, value in read_scalars(path):
            new.setdefault(column_of(tag), {})[step] = value
        for name, values in new.items():
            first = min(values)
            kept = {step: old for step, old in points.get(name, {}).items() if step < first}
            points[name] = kept | values
    return {name: _build(name, values.items()) for name, values in points.items()}


def build_evaluated(rows: Sequence[EvalRow]) -> dict[str, Curve]:
    """What the evaluations gave, by column; -1, no groundtruth of that kind, is no point."""
    points: dict[str, dict[int, float]] = {}
    for row in rows:
        if row.step is not None:
            for column, value in columns_of(row.metrics).items():
                points.setdefault(column, {})[row.step] = value
    return {name: _build(name, values.items()) for name, values in points.items()}


def _build(name: str, points: Iterable[tuple[int, float]]) -> Curve:
    """A curve of what is finite."""
    finite = sorted((step, value) for step, value in points if math.isfinite(value))
    return Curve(name, tuple(step for step, _ in finite), tuple(value for _, value in finite))


def thin(curve: Curve, most: int = 400) -> Curve:
    """The curve by at most so many points: means of equal shares of them, at the last step of each.

    Its last point stays as it is.
    """
    count = len(curve.steps)
    if count <= most:
        return curve
    ends = [(place + 1) * (count - 1) // (most - 1) for place in range(most - 1)]
    begins = [0, *ends[:-1]]
    spans = list(zip(begins, ends, strict=True))
    return Curve(
        curve.name,
        (*(curve.steps[end - 1] for _, end in spans), curve.steps[-1]),
        (*(_mean(curve.values[begin:end]) for begin, end in spans), curve.values[-1]),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
