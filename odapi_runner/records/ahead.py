"""Working ahead of what is asked for, so that the disk or all cores set the pace and not one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 4
_WINDOW = 16  # results waiting at most: 13 MB of KITTI's images


def map_ahead(
    function: Callable[[T], R], items: Iterable[T], *, threads: int = _THREADS
) -> Iterator[R]:
    """`map` with a few threads that work ahead; results come in order.

    What has not begun when the caller stops, or when an item fails, is not begun any more.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= _WINDOW:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def count_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
