"""What counts of earlier sessions."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.runs.sessions import seconds_at_work

HOUR = 3600.0


def event(hours: float, role: str, kind: str) -> dict[str, Any]:
    return {"time": 1e9 + hours * HOUR, "role": role, "kind": kind}


@pytest.mark.parametrize(
    ("told", "hours"),
    [
        ([], 0),
        ([(0, "supervise", "started")], 0),
        ([(0, "supervise", "started"), (3, "supervise", "stopped")], 3),
        # Killed: until its trainer's last word. What others do meanwhile is no work.
        ([(0, "supervise", "started"), (2, "train", "checkpoint"), (5, "eval", "evaluated")], 2),
        (
            [(0, "supervise", "started"), (2, "train", "checkpoint"), (9, "supervise", "started"),
             (10, "supervise", "finished"), (20, "supervise", "notified")],
            3,
        ),
        # After the end: by `odapi eval`, and of the job.
        (
            [(0, "supervise", "started"), (1, "train", "finished"), (2, "supervise", "finished"),
             (7, "eval", "started"), (8, "supervise", "requeued")],
            2,
        ),
    ],
)  # fmt: skip
def test_hours_at_work(told: list[tuple[float, str, str]], hours: float) -> None:
    """From the start of a supervisor to its end, or to the last that is known of it."""
    assert seconds_at_work(event(*one) for one in told) == pytest.approx(hours * HOUR)
