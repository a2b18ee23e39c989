"""The charts of a report, as matplotlib draws them: the same for a page, a paper and a screen.

No window is opened, and no state of matplotlib is changed: figures are built as objects, and what
has to be set is set while one is drawn or saved.
"""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from odapi_runner.drawing import COLORS
from odapi_runner.errors import shortened
from odapi_runner.report.run.curves import thin
from odapi_runner.report.run.document import Curve
from odapi_runner.report.run.objects import THRESHOLDS, Objects
from odapi_runner.report.run.precision import ClassCurve
from odapi_runner.report.run.tide import KINDS, Errors
from odapi_runner.scoring.curves import RECALLS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.4, 3.0  # inches: at 96 pixels each a little wider than a phone
_LONGEST = 28  # signs of a name
DOTS = 240  # an inch, of PNG
_PALETTE = tuple(COLORS[place] for place in (4, 0, 2, 5, 1, 6, 3))
_INSIDE = 5  # entries of a legend that fit beside curves
_ANNOTATED = 15  # classes up to which a confusion matrix has its numbers written in
# For letters that matplotlib's own font lacks; those of them that a system has.
_FONTS = ("DejaVu Sans", "NanumGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic")


@cache
def _fonts() -> list[str]:
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in _FONTS if name in there]


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    settings: Any = {
        "font.family": _fonts(),
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e4e4e4",
        "legend.frameon": False,
        "legend.fontsize": 8,
        "svg.fonttype": "none",  # text stays text: small, and in whatever font the reader has
        "svg.hashsalt": "odapi",  # the same chart is the same file
        "text.parse_math": False,  # a `$` in a name begins no formula
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A sign that no font here has: SVG keeps it as text, PNG shows a box.
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from", UserWarning)
        yield


def save(figure: Figure, kind: Literal["svg", "png"]) -> bytes:
    """The chart as a file."""
    stream = io.BytesIO()
    with _style():
        when: dict[str, Any] = {"Date": None} if kind == "svg" else {}
        figure.savefig(stream, format=kind, dpi=DOTS, metadata=when)
    return stream.getvalue()


@contextmanager
def _figure(height: float = HEIGHT) -> Iterator[tuple[Figure, Axes]]:
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.add_subplot()


def draw_curves(
    curves: Sequence[Curve],
    *,
    y: str,
    marks: Sequence[tuple[int, str]] = (),
    logarithmic: bool = False,
    dotted: Sequence[str] = (),
    dashed: Sequence[str] = (),
) -> Figure:
    """Numbers by step.

    Args:
        curves: at least one.
        y: what the axis is called.
        marks: steps with a word each, as lines from top to bottom.
        logarithmic: give each power of ten the same room; what is not above 0 is left out.
        dotted: the curves whose few points are shown, too.
        dashed: those that are drawn in dashes, in colors that begin anew.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    with _figure() as (figure, axes):
        colors = {True: itertools.cycle(_PALETTE), False: itertools.cycle(_PALETTE)}
        for curve in map(thin, curves):
            axes.plot(
                curve.steps,
                curve.values,
                color=next(colors[curve.name in dashed]),
                linestyle="--" if curve.name in dashed else "-",
                marker="o" if curve.name in dotted else "",
                markersize=3,
                linewidth=1.4,
                label=_shown(curve.name),
            )
        for place, (step, word) in enumerate(marks):
            axes.axvline(step, color="#555555", lw=1, ls=("--", ":")[place % 2], label=word)
        if logarithmic:
            axes.set_yscale("log", nonpositive="mask")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("step")
        axes.set_ylabel(y)
        if len(curves) + len(marks) > _INSIDE:
            figure.legend(loc="outside lower center", ncols=2)
        else:
            axes.legend()
        return figure


def draw_bars(
    names: Sequence[str], groups: Sequence[tuple[str, Sequence[float | None]]], *, x: str
) -> Figure:
    """Bars, one or more a name, from top to bottom in the order given; None: no bar."""
    rows = len(names)
    with _figure(max(1.6, 0.9 + 0.24 * rows * max(1, len(groups) * 0.7))) as (figure, axes):
        thick = 0.8 / len(groups)
        for place, (label, values) in enumerate(groups):
            at = np.arange(rows) + (place - (len(groups) - 1) / 2) * thick
            shown = [np.nan if value is None else value for value in values]
            bars = axes.barh(at, shown, thick, label=label, color=_PALETTE[place % len(_PALETTE)])
            axes.bar_label(
                bars,
                labels=["" if value is None else f"{value:.3g}" for value in values],
                padding=2,
                fontsize=7,
            )
        axes.set_yticks(np.arange(rows), [_shown(name) for name in names])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.14)
        axes.set_xlabel(x)
        if len(groups) > 1:
            figure.legend(loc="outside lower center", ncols=len(groups))
        return figure


def draw_precision(curves: Sequence[ClassCurve]) -> Figure:
    """Precision over recall: the classes with the most objects in colors, others grey, the mean."""
    with _figure(HEIGHT + 0.5) as (figure, axes):
        by_size = sorted(curves, key=lambda curve: -curve.objects)
        colors = {curve.name: color for curve, color in zip(by_size, _PALETTE, strict=False)}
        for curve in curves:
            label = f"{_shown(curve.name)}  {curve.average:.3f}"
            look: dict[str, Any] = (
                {"label": label, "color": colors[curve.name]}
                if curve.name in colors
                else {"color": "#cccccc", "zorder": 1}
            )
            axes.plot(RECALLS, curve.precision, linewidth=1.3, **look)
        if len(curves) > 1:
            mean = np.mean([curve.precision for curve in curves], axis=0)
            axes.plot(RECALLS, mean, lw=2, color="black", label=f"mean  {mean.mean():.3f}")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(title="AP at IoU 0.5", title_fontsize=8)
        return figure


def draw_confusion(objects: Objects, threshold: float) -> Figure:
    """What there is (rows) by what it is taken for (columns); colors are shares of a row."""
    matrix = objects.confusion(threshold)
    names = [_shown(str(name)) for name in objects.groundtruth.class_names]
    count = len(names)
    with _figure(min(14.0, 2.2 + 0.34 * count)) as (figure, axes):
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        size = 7 if count <= _ANNOTATED else max(2.0, 90 / count)
        axes.set_xticks(np.arange(count + 1), [*names, "missed"], rotation=90, fontsize=size)
        axes.set_yticks(np.arange(count + 1), [*names, "nothing"], fontsize=size)
        axes.set(xlabel="taken for", ylabel="there is")
        axes.grid(visible=False)
        if count <= _ANNOTATED:
            for row, column in zip(*np.nonzero(matrix), strict=True):
                dark = shares[row, column] > 0.5
                axes.text(
                    column,
                    row,
                    str(matrix[row, column]),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if dark else "black",
                )
        return figure


def draw_errors(errors: Errors) -> Figure:
    """What each kind of error costs in AP_50."""
    costs = [errors.cost[kind] for kind in KINDS]
    names = [f"{kind} ({number})" for kind, number in errors.count().items()]
    return draw_bars(names, [("AP_50 lost", costs)], x="AP_50 that mending it would gain")


def draw_thresholds(objects: Objects) -> Figure:
    """F1 by score threshold of the classes with the most objects, and of all together."""
    truth = objects.groundtruth
    alone = truth.classes[~truth.is_crowd]
    with _figure() as (figure, axes):
        named = zip(truth.class_ids.tolist(), truth.class_names.tolist(), strict=True)
        counts = [(int((alone == number).sum()), number, name) for number, name in named]
        largest = sorted((one for one in counts if one[0]), key=lambda one: -one[0])
        for (count, number, name), color in zip(largest, _PALETTE, strict=False):
            f1 = objects.f1(objects.found.classes == number, count)
            axes.plot(THRESHOLDS, f1, linewidth=1.3, color=color, label=_shown(name))
        everything = np.ones(len(objects.right), np.bool_)
        axes.plot(THRESHOLDS, objects.f1(everything, len(alone)), lw=2, color="black", label="all")
        best = objects.best_threshold()
        if best:
            axes.axvline(
                best.threshold, color="#555555", lw=1, ls="--", label=f"best: {best.threshold:.2f}"
            )
        axes.set(xlabel="score threshold", ylabel="F1", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend()
        return figure


def _shown(name: str) -> str:
    """A name as there is room for it; a leading `_` would keep it from the legend."""
    short = shortened(name, _LONGEST)
    return f"\u200b{short}" if short.startswith("_") else short
