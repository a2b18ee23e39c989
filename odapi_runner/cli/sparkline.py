"""A row of numbers as a line of blocks: ▁▂▃▄▅▆▇█."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_NO_NUMBER = "×"


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw numbers between their lowest and their highest; what is no number is a cross.

    Args:
        values: in their order.
        width: cells; more values than that share cells by their mean.
    """
    cells = min(width, len(values))
    bounds = [len(values) * cell // cells for cell in range(cells + 1)] if cells else []
    means = [sum(values[start:end]) / (end - start) for start, end in itertools.pairwise(bounds)]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(mean, low, high) for mean in means)


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _NO_NUMBER
    share = (value - low) / (high - low) if high > low else 0.5
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
