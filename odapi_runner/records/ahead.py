"""Reading files ahead of their use, so that the disk and not Python sets the pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 4
_WINDOW = 16  # results waiting at most: 13 MB of KITTI's images


def map_ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` with a few threads that work ahead; results come in order."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= _WINDOW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
