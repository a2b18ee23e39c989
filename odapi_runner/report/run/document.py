"""What a report holds, whichever way it is shown: sentences, tables, curves, charts, pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values; None is an empty cell."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Numbers by step, ascending."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that is drawn when somebody wants it."""

    name: str  # of its files
    title: str
    caption: str  # what it shows, for those who do not see it
    draw: Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with boxes on it."""

    title: str
    caption: str
    jpeg: bytes
    size: tuple[int, int]  # width, height, pixels


@dataclass(frozen=True, slots=True)
class Section:
    """One subject of a report."""

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The table by class at every score threshold: what a page's slider shows.

    Attributes:
        values: the thresholds, ascending.
        shown: the one that is shown at first, one of `values`.
        classes: the names.
        objects: of each class.
        counts: by class and threshold: misclassified, correct, false, extra.
    """

    values: tuple[float, ...]
    shown: float
    classes: tuple[str, ...]
    objects: tuple[int, ...]
    counts: tuple[tuple[tuple[int, int, int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One run in full.

    Attributes:
        run: its name.
        step: of the checkpoint that is looked at; None: no evaluation yet.
        chosen: why that one: `best mAP`, `last`, `as asked`.
        headline: its most important figures; None: not known.
        sections: in their order.
        thresholds: what the slider shows; None without detections.
    """

    run: str
    step: int | None
    chosen: str
    headline: tuple[tuple[str, float | None], ...]
    sections: tuple[Section, ...]
    thresholds: Thresholds | None = None

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, in their order."""
        return tuple(chart for section in self.sections for chart in section.charts)
