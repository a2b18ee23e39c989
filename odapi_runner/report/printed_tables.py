"""COCO's printed tables, of which most are told a second time, with all their digits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from odapi_runner.metrics import COCO_METRICS
from odapi_runner.report.rows import EvalRow

_MAP = COCO_METRICS[0].tag
_ROUNDED = 0.0005 + 1e-6  # how far three digits, and then six, may lie from the value


@dataclass(slots=True)
class PrintedTables:
    """Tables wait until the end of their log: standard output may come late, or first."""

    waiting: list[EvalRow] = field(default_factory=list)
    # What is told exactly, by its mAP in thousandths; COCO's metrics only.
    _told: defaultdict[int | None, list[dict[str, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def tell(self, metrics: Mapping[str, float]) -> None:
        """Keep what another row tells."""
        known = {tag: value for tag, value in metrics.items() if tag.startswith("Detection")}
        if known:
            self._told[_thousandths(known)].append(known)

    def untold(self) -> list[EvalRow]:
        """The tables that no row tells."""
        waiting, self.waiting = self.waiting, []
        return [row for row in waiting if not self._is_told(row.metrics)]

    def _is_told(self, table: Mapping[str, float]) -> bool:
        at = _thousandths(table)
        near = (at - 1, at, at + 1) if at is not None else tuple(self._told)
        return any(
            _is_rounding(table, told) for place in near for told in self._told.get(place, ())
        )


def _thousandths(metrics: Mapping[str, float]) -> int | None:
    value = metrics.get(_MAP, -1.0)
    return round(value * 1000) if -1 <= value <= 1 else None


def _is_rounding(table: Mapping[str, float], told: Mapping[str, float]) -> bool:
    return all(abs(told.get(tag, -2) - value) <= _ROUNDED for tag, value in table.items())
