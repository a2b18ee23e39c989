"""Short names for the rows and columns of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def shorten(full: Sequence[str], separator: str, taken: Sequence[str] = ()) -> list[str]:
    """The last part of each name, or the whole one where that could mean another or is `taken`."""
    last = [name.rsplit(separator, 1)[-1] for name in full]
    times = Counter([*last, *taken])
    return [short if times[short] == 1 else name for short, name in zip(last, full, strict=True)]
