"""COCO's printed tables, of which most are told a second time, with all their digits."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.rows import EvalRow

_MAP = COCO_METRICS[0].tag
_ROUNDED = 0.0005 + 1e-6  # how far three digits, and then six, may lie from the value
_REMEMBERED = 5000  # evaluations: a log may be of any length


@dataclass(slots=True)
class PrintedTables:
    """Tables wait until the end of their log: standard output may come late, or first."""

    waiting: list[EvalRow] = field(default_factory=list)
    fuller: int = 0  # tables that have more than the row which tells them: that was cut
    # What was told exactly of late, by its mAP in thousandths; COCO's metrics only.
    _told: defaultdict[int | None, list[dict[str, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _order: deque[int | None] = field(default_factory=deque)

    @property
    def has_told(self) -> bool:
        """Whether any row has told metrics exactly."""
        return bool(self._order)

    def tell(self, metrics: Mapping[str, float]) -> None:
        """Keep what another row tells."""
        known = {
            tag: value
            for tag, value in metrics.items()
            if tag.startswith("Detection") and not math.isnan(value)
        }
        if known:
            at = _thousandths(known)
            self._told[at].append(known)
            self._order.append(at)
        if len(self._order) > _REMEMBERED:
            oldest = self._order.popleft()
            self._told[oldest].pop(0)
            if not self._told[oldest]:
                del self._told[oldest]

    def untold(self) -> list[EvalRow]:
        """The tables that no row tells."""
        waiting, self.waiting = self.waiting, []
        untold = []
        for row in waiting:
            told = self._find(row.metrics)
            if told is None:
                untold.append(row)
            else:
                self.fuller += not row.metrics.keys() <= told.keys()
        return untold

    def add(self, row: EvalRow) -> None:
        """Keep a table, unless it is told already."""
        told = self._find(row.metrics)
        if told is None or not row.metrics.keys() <= told.keys():
            self.waiting.append(row)

    def _find(self, table: Mapping[str, float]) -> Mapping[str, float] | None:
        """The row that tells a table; rather one that tells all of it."""
        at = _thousandths(table)
        near = (at - 1, at, at + 1, None) if at is not None else tuple(self._told)
        candidates = (told for place in near for told in self._told.get(place, ()))
        part = None
        for told in candidates:
            if _is_rounding(table, told):
                if table.keys() <= told.keys():
                    return told
                part = told
        return part


def _thousandths(metrics: Mapping[str, float]) -> int | None:
    value = metrics.get(_MAP, math.nan)
    return round(value * 1000) if -1 <= value <= 1 else None


def _is_rounding(table: Mapping[str, float], told: Mapping[str, float]) -> bool:
    """Whether both are of one evaluation, of which a cut log, or nan, may have left a part.

    Without mAP, or with less than half of the table beside it, a few equal numbers are chance.
    """
    shared = 0
    for tag, value in table.items():
        if tag in told:
            if abs(told[tag] - value) > _ROUNDED:
                return False
            shared += 1
    return (_MAP in table and _MAP in told) or 2 * shared >= max(len(table), 2)
