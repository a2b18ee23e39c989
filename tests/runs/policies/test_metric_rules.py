"""Early stopping and plateaus, as functions of what was evaluated."""

from __future__ import annotations

import re

import pytest

from odapi_runner.metrics import best_step, is_better
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


@pytest.mark.parametrize(
    ("rule", "metric", "patience"),
    [
        ("mAP", "mAP", 5),
        ("mAP:", "mAP", 5),
        ("VOC_2012:patience=2", "VOC_2012", 2),
        ("KITTI_AP40/Car (easy):patience=2", "KITTI_AP40/Car (easy)", 2),
        ("mAP/a: b", "mAP/a: b", 5),
        ("mAP/a: b:patience=2,min-delta=0.1", "mAP/a: b", 2),
        ("mAP/a=b,c:d", "mAP/a=b,c:d", 5),
        ("mAP/a:b=c:", "mAP/a:b=c", 5),
    ],
)
def test_a_metric_may_have_any_name(rule: str, metric: str, patience: int) -> None:
    """Classes are called what people like; a colon at the end says that no more of it follows."""
    early = parse_early_stop(rule)

    assert (early.metric, early.patience) == (metric, patience)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("mAP:patience", '"patience": "" is not a number'),
        ("mAP:patients=2", '"patients=2": there is no "patients". Did you mean "patience"'),
        ("voc_2012", 'there is no metric "voc_2012". Did you mean "VOC_2012"'),
        ("learning_rate", 'there is no metric "learning_rate"'),
        ("", 'there is no metric ""'),
    ],
)
def test_what_is_no_rule(rule: str, what: str) -> None:
    """Refused before any config is looked at."""
    with pytest.raises(ValueError, match="^" + re.escape(what)):
        parse_early_stop(rule)


@pytest.mark.parametrize(
    ("metric", "best"),
    [("Loss/RPNLoss/localization_loss", 10), ("KITTI_AP40/Car (easy)", 20), ("loss_total", 10)],
)
def test_only_losses_are_better_the_lower_they_are(metric: str, best: int) -> None:
    """Those of other engines, too, which have names of their own."""
    assert best_step(metric, {10: 0.1, 20: 0.2}) == best
    assert is_better(metric, 0.1, 0.2) == (best == 10)


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
