"""The time that a training waits for its input: counted, and told while a wait lasts.

Nobody else can tell: who waits is inside of TensorFlow until the batch is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

TRAINING, WAITING = "training", "waiting for input"

_WINDOW_SECONDS = 1.0


class Waiting:
    """Counts waits; within `with`, a thread tells of each that lasts longer than a second.

    Attributes:
        seconds: of all waits that are over.
    """

    def __init__(
        self,
        tell: Callable[[], None],
        window: float = _WINDOW_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin with none.

        Args:
            tell: called about once a second while a wait lasts, from another thread. What waits
                does not go on before it has returned.
            window: those seconds.
            clock: seconds since some moment.
        """
        self.seconds = 0.0
        self._tell, self._window, self._clock = tell, window, clock
        self._since: float | None = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="waiting", daemon=True)
        self._begun, self._counted = clock(), 0.0  # of the window that is open
        self._share = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done inside is waiting."""
        start = self._clock()
        with self._lock:
            self._since = start
        try:
            yield
        finally:
            with self._lock:
                self._since = None
            self.seconds += self._clock() - start

    def phase(self) -> str:
        """`WAITING` where most of the last second or so was, else `TRAINING`."""
        now = self._clock()
        if now - self._begun >= self._window:
            self._share = (self.seconds - self._counted) / (now - self._begun)
            self._begun, self._counted = now, self.seconds
        return WAITING if self._share > 0.5 else TRAINING

    def _watch(self) -> None:
        while not self._over.wait(self._window):
            with self._lock:
                if self._since is not None and self._clock() - self._since >= self._window:
                    self._tell()
