"""A wish to end is heard while a training listens, and not for longer."""

from __future__ import annotations

import os
import signal

import pytest

from odapi_runner.engine.stop import heeding_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_a_wish_inside_the_block_alone(number: signal.Signals) -> None:
    """Afterwards they do what they did, so that Ctrl-C ends whoever called a training."""
    before = signal.getsignal(number)
    with heeding_signals() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)

        assert stop.asked
    assert signal.getsignal(number) == before
