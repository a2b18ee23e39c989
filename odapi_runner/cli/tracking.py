"""A progress bar, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def track(items: Sequence[T], title: str) -> Iterable[T]:
    """Go through items and show how far it is, on a terminal only: a `records.progress.Track`."""
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, title, console=Console(stderr=True), transient=True)
