"""Early stopping that somebody has overruled by going on."""

from __future__ import annotations

from typing import Any

import pytest

from odapi_runner.runs.policies.early_stop import overruled_step, parse_early_stop


def told(*kinds: str) -> list[dict[str, Any]]:
    """Events of a supervisor by kind; a number is the step of an evaluation."""
    return [
        {"kind": "evaluated", "role": "eval", "step": int(kind)}
        if kind.isdecimal()
        else {"kind": kind, "role": "supervise", "outcome": "finished"}
        for kind in kinds
    ]


@pytest.mark.parametrize(
    ("events", "step"),
    [
        (("started", "0", "2", "finished"), -1),  # trained to its end
        (("started", "0", "2", "ending", "4", "finished"), 4),  # the last one is evaluated still
        (("started", "0", "ending", "2"), -1),  # not ended yet
        (("started", "0", "ending", "started"), -1),  # the supervisor died before it had ended it
        (("started", "0", "ending", "2", "finished", "started", "4"), 2),
    ],
)
def test_what_was_overruled_is_what_the_events_tell(events: tuple[str, ...], step: int) -> None:
    """The last step evaluated when a training had been stopped early."""
    assert overruled_step(told(*events)) == step


def test_patience_begins_anew() -> None:
    """The best score stays what is to be beaten."""
    rule = parse_early_stop("mAP:patience=2")
    scores = {0: 0.1, 2: 0.5, 4: 0.4, 6: 0.3}

    assert rule.reason(scores) is not None
    assert rule.reason(scores, 6) is None
    assert rule.reason(scores | {8: 0.4}, 6) is None
    reason = rule.reason(scores | {8: 0.4, 10: 0.45}, 6)
    assert reason is not None
    assert reason.startswith("mAP was best at step 2 (0.5000)")
