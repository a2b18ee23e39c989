"""How a training went, in words: does it overfit, has it levelled off, does it still learn?

What people see in their curves (the training loss falls, the validation loss rises) is looked for
in the two total losses: where the validation loss was lowest, what became of both since.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from odapi_runner.metrics import best_step
from odapi_runner.report.run.document import Curve

_LEAST = 4  # evaluations after the first steps, of which a trend can be told
_RISE = 0.05  # of the lowest: by how much at least a validation loss has risen
_NOISE = 3.0  # by how many standard deviations of one evaluation's noise, at least
_MEDIAN_OF_NORMAL = 0.6745  # the median of |x| of normal x, in standard deviations
_FALLEN = 0.98  # of what it was: a loss that is lower than this has fallen

_ADVICE = (
    "What it learns since helps on the training images only: take step {since}, or train with more "
    "or augmented images, or with a stronger regularization."
)

Kind = Literal["overfitting", "diverging", "improving", "level", "unknown"]


@dataclass(frozen=True, slots=True)
class Trend:
    """What a training is doing, since when, and how one says so."""

    kind: Kind
    since: int | None  # step
    sentence: str


def describe_losses(training: Curve | None, validation: Curve | None) -> Trend:
    """Tell overfitting from the total losses of training and validation.

    Overfitting since step N: there the validation loss was lowest, it has risen since
    (`_has_risen`), and the training loss has fallen by more than 2 %. The evaluation at step 0, of
    a network that has not learned anything, does not count.

    Args:
        training: the total loss of the trainer's steps.
        validation: that of the evaluations.
    """
    points = _after_the_start(validation)
    if len(points) < _LEAST:
        few = f"{len(points)} evaluation{'' if len(points) == 1 else 's'} with a loss"
        few += " after step 0" if validation and 0 in validation.steps else ""
        return Trend("unknown", None, f"{few}: too few to tell a trend.")
    steps, values = [step for step, _ in points], [value for _, value in points]
    low = min(range(len(values)), key=values.__getitem__)
    since, lowest, last = steps[low], values[low], values[-1]
    later = values[low + 1 :]
    if _has_risen(values, low):
        rose = f"the validation loss has risen from {lowest:.4g} to {last:.4g}"
        fell = _fall(training, steps, low)
        if fell:
            what = f"Overfitting since step {since}: {fell}, {rose}"
            return Trend("overfitting", since, f"{what}. {_ADVICE.format(since=since)}")
        what = f"Since step {since} {rose}, and the training loss has not fallen either"
        return Trend("diverging", since, f"{what}: the learning rate may be too high.")
    third = max(1, len(values) // 3)
    falls = _mean(values[-third:]) < _mean(values[-2 * third : -third]) * _FALLEN
    if falls and len(later) <= third:
        what = f"The validation loss still falls ({last:.4g} at step {steps[-1]})"
        return Trend("improving", None, f"{what}: more steps may help.")
    at_the_last = f", {last:.4g} at the last" if since != steps[-1] else ", the last"
    what = f"The validation loss has levelled off: lowest at step {since} ({lowest:.4g})"
    return Trend("level", since, f"{what}{at_the_last}. No sign of overfitting.")


def describe_score(metric: str, scores: Curve | None) -> str | None:
    """A sentence on where a metric was best, and what became of it; None without any."""
    if scores is None or not scores.steps:
        return None
    by_step = dict(zip(scores.steps, scores.values, strict=True))
    best = best_step(metric, by_step)
    if best is None:
        return None
    last = scores.steps[-1]
    if best == last:
        return f"{metric} is best at the last evaluation, step {last}: {by_step[last]:.4f}."
    # Not that it has fallen: whether that is more than noise is told by the comparison of both.
    after = f"; at the last, step {last}, it is {by_step[last]:.4f}"
    if math.isclose(by_step[last], by_step[best], abs_tol=5e-5):
        after = f", and as good at the last, step {last}"
    return f"{metric} is best at step {best}: {by_step[best]:.4f}{after}."


def _after_the_start(curve: Curve | None) -> list[tuple[int, float]]:
    """The points of a curve but that at step 0."""
    if curve is None:
        return []
    return [point for point in zip(curve.steps, curve.values, strict=True) if point[0]]


def _has_risen(values: list[float], low: int) -> bool:
    """Whether a loss is higher now than where it was lowest, by more than its noise.

    The later half of what came after is compared with the lowest value and the lower one beside it:
    of many equal values the lowest is low by chance, its neighbour less so. The noise is read off
    second differences, which a steady rise does not move. Of losses that have levelled off, with a
    noise of 2, 5 or 10 %, up to 1, 7 and 8 of a hundred are taken for risen.
    """
    later = values[low + 1 :]
    if len(later) < 2:
        return False
    lowest = values[low]
    base = (lowest + min(values[max(low - 1, 0) : low] + values[low + 1 : low + 2])) / 2
    rise = _mean(later[len(later) // 2 :]) - base
    bends = [
        abs(one - 2 * two + three)
        for one, two, three in zip(values[low:], later, later[1:], strict=False)
    ]
    noise = statistics.median(bends) / (_MEDIAN_OF_NORMAL * math.sqrt(6))
    return rise > max(_RISE * lowest, _NOISE * noise) and values[-1] > lowest * (1 + _RISE)


def _fall(training: Curve | None, steps: Sequence[int], low: int) -> str | None:
    """How the training loss has fallen since the evaluation `low`, in words; None: it has not.

    Compared are its means up to that evaluation, from the one before, and up to the last.
    """
    if training is None:
        return None
    before = _between(training, steps[low - 1] if low else 0, steps[low])
    now = _between(training, steps[-2], steps[-1])
    if before is None or now is None or now >= before * _FALLEN:
        return None
    return f"the training loss fell from {before:.4g} to {now:.4g}"


def _between(curve: Curve, begin: int, end: int) -> float | None:
    """The mean of the points after `begin` and up to `end`; None where there is none."""
    some = [v for s, v in zip(curve.steps, curve.values, strict=True) if begin < s <= end]
    return _mean(some) if some else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
