"""Whether somebody has asked this process to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Stop:
    """A wish to end, which is looked at between two steps."""

    asked: bool = False


@contextmanager
def heeding_signals() -> Iterator[Stop]:
    """Take SIGTERM and SIGINT for a wish inside the block; afterwards they do what they did."""
    stop = Stop()

    def ask(*_: object) -> None:
        stop.asked = True

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Let neither signal end this process, where it does not heed them."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
