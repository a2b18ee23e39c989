"""Early stopping and plateaus, as functions of what was evaluated."""

from __future__ import annotations

import pytest

from odapi_runner.runs.policies.early_stop import parse_early_stop
from odapi_runner.runs.policies.plateau import parse_plateau

# The validation losses of a user's fourteen epochs, in the fourth seed.
LOSSES = (25, 117, 8, 3.5, 2.6, 5.1, 2.9, 2.2, 1.4, 1.3, 1.9, 1.9, 1.9, 2.3)


def by_step(*values: float) -> dict[int, float]:
    return {100 * place: value for place, value in enumerate(values, 1)}


@pytest.mark.parametrize(
    ("rule", "scores", "stops_at"),
    [
        ("mAP:patience=2", (0.1, 0.2, 0.2, 0.15), 400),
        ("mAP:patience=2", (0.1, 0.2, 0.2, 0.21), None),
        ("mAP:patience=2,min-delta=0.02", (0.1, 0.2, 0.2, 0.21), 400),
        ("mAP:patience=2,min-steps=600", (0.1, 0.2, 0.2, 0.1, 0.1, 0.1), 600),
        ("loss_total:patience=3", LOSSES, 1300),
        ("loss_total", LOSSES, None),  # five are waited for by default
    ],
)
def test_early_stop(rule: str, scores: tuple[float, ...], stops_at: int | None) -> None:
    """At the first evaluation at which patience is over; higher is better but for losses."""
    early, all_of_them = parse_early_stop(rule), by_step(*scores)
    stops = [
        step
        for step in all_of_them
        if early.reason({one: all_of_them[one] for one in all_of_them if one <= step})
    ]

    assert (stops[0] if stops else None) == stops_at


def test_the_reason_names_the_best() -> None:
    """So that one knows which checkpoint to take."""
    reason = parse_early_stop("mAP:patience=1,min-delta=0.01").reason(by_step(0.25, 0.251))

    assert reason == (
        "mAP was best at step 100 (0.2500), and not better by more than 0.01 in 1 evaluations since"
    )


@pytest.mark.parametrize(
    ("rule", "scores", "reductions"),
    [
        ("loss_total:patience=3", LOSSES, {1300: 0.1}),
        ("loss_total:patience=2,factor=0.5", LOSSES, {700: 0.5, 1200: 0.25, 1400: 0.125}),
        ("loss_total:patience=2,factor=0.5,cooldown=2", LOSSES, {700: 0.5, 1200: 0.25}),
        ("loss_total:patience=1,factor=0.1,min-factor=0.05", (1, 1, 1, 1), {200: 0.1, 300: 0.05}),
        ("mAP:patience=1,min-delta=0.1", (0.1, 0.3, 0.35), {300: 0.1}),
    ],
)
def test_plateau(rule: str, scores: tuple[float, ...], reductions: dict[int, float]) -> None:
    """What factor counts from which evaluation on; the same however often it is asked."""
    plateau = parse_plateau(rule)

    assert plateau.reductions(by_step(*scores)) == pytest.approx(reductions)
