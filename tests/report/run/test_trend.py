"""Overfitting, and what else a training may be doing, in words."""

from __future__ import annotations

import numpy as np
import pytest

from odapi_runner.report.run.document import Curve
from odapi_runner.report.run.trend import describe_losses, describe_score

# The validation losses that the fourth seed's author wrote down, epoch by epoch.
FOURTH_SEED = (25, 117, 8, 3.5, 2.6, 5.1, 2.9, 2.2, 1.4, 1.3, 1.9, 1.9, 1.9, 2.3)


def curve(*values: float, start: int = 1, name: str = "loss_total") -> Curve:
    return Curve(name, tuple(range(start, start + len(values))), tuple(map(float, values)))


def falling(count: int) -> Curve:
    """A training loss that becomes 5 % less with each step."""
    return curve(*(10 * 0.95**step for step in range(count)))


def test_the_fourth_seeds_curve_overfits_since_its_tenth_epoch() -> None:
    """The validation loss is lowest there; its author goes back to epoch 10, too."""
    trend = describe_losses(falling(14), curve(*FOURTH_SEED))

    assert (trend.kind, trend.since) == ("overfitting", 10)
    assert trend.sentence == (
        "Overfitting since step 10: the training loss fell from 6.302 to 5.133, the validation "
        "loss has risen from 1.3 to 2.3. What it learns since helps on the training images only: "
        "take step 10, or train with more or augmented images, or with a stronger regularization."
    )


@pytest.mark.parametrize(
    ("training", "validation", "kind", "since"),
    [
        # Both rise, or nothing is known of the training: no overfitting.
        (curve(*range(1, 9)), curve(4, 3, 2, 1, 2, 3, 4, 5), "diverging", 4),
        (None, curve(4, 3, 2, 1, 2, 3, 4, 5), "diverging", 4),
        # One value above the lowest is noise; so is what comes back to it.
        (falling(8), curve(8, 7, 6, 5, 4, 3, 2, 2.5), "improving", None),
        (falling(8), curve(4, 3, 2, 1, 2, 2, 2, 1.01), "level", 4),
        (falling(8), curve(4, 2, 1, 1.01, 1.02, 1.0, 1.01, 1.0), "level", 3),
        (falling(8), curve(8, 7, 6, 5, 4, 3, 2, 1), "improving", None),
        (falling(3), curve(3, 2, 1), "unknown", None),
        (falling(3), None, "unknown", None),
    ],
)
def test_what_a_training_is_doing(
    training: Curve | None, validation: Curve | None, kind: str, since: int | None
) -> None:
    """Each kind, and the step since which it is so."""
    trend = describe_losses(training, validation)

    assert (trend.kind, trend.since) == (kind, since)
    assert trend.sentence.endswith(".")


@pytest.mark.parametrize(("noise", "most"), [(0.02, 2), (0.05, 10), (0.1, 12)])
def test_noise_is_seldom_taken_for_overfitting(noise: float, most: int) -> None:
    """Of a hundred trainings that have levelled off; those that overfit are found."""
    rng = np.random.default_rng(1)
    at = np.arange(20) / 20
    level = 1 + 2 * np.exp(-8 * at)
    rising = level + np.maximum(at - 0.4, 0)
    told = [
        sum(
            describe_losses(falling(20), curve(*values)).kind == "overfitting"
            for values in loss * (1 + noise * rng.normal(size=(100, 20)))
        )
        for loss in (level, rising)
    ]

    assert told[0] <= most
    assert told[1] >= 100 - 500 * noise


def test_the_evaluation_of_a_network_that_learned_nothing_does_not_count() -> None:
    """At step 0 an untrained network may have any loss, even the lowest."""
    validation = curve(0.5, 5, 4, 3, 2, 1, start=0)

    assert describe_losses(falling(5), validation).kind == "improving"


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        (None, "0 evaluations with a loss: too few to tell a trend."),
        (curve(3), "1 evaluation with a loss: too few to tell a trend."),
        (curve(3, start=0), "0 evaluations with a loss after step 0: too few to tell a trend."),
        (
            curve(3, 2, 1, start=0),
            "2 evaluations with a loss after step 0: too few to tell a trend.",
        ),
    ],
)
def test_which_evaluations_are_too_few_is_told(validation: Curve | None, sentence: str) -> None:
    """One at step 0 is in the table, but is none of those that count here."""
    assert describe_losses(None, validation).sentence == sentence


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((1.001, 1.001, 1, 0.999), "lowest at step 4 (0.999), the last. No sign of overfitting."),
        ((4, 3, 2, 1, 2, 2, 2, 1.01), "lowest at step 4 (1), 1.01 at the last. No sign of "),
    ],
)
def test_a_loss_that_has_levelled_off_is_told_once(values: tuple[float, ...], told: str) -> None:
    """Its lowest value, and the last where that is another."""
    sentence = describe_losses(falling(8), curve(*values)).sentence

    assert sentence.startswith(f"The validation loss has levelled off: {told}")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((0.1, 0.25), "mAP is best at the last evaluation, step 2: 0.2500."),
        ((0.25, 0.1), "mAP is best at step 1: 0.2500; at the last, step 2, it is 0.1000."),
        ((0.25, 0.25), "mAP is best at step 1: 0.2500, and as good at the last, step 2."),
    ],
)
def test_where_a_metric_was_best(values: tuple[float, ...], sentence: str) -> None:
    """And what became of it."""
    assert describe_score("mAP", curve(*values, name="mAP")) == sentence


def test_a_loss_is_best_where_it_is_lowest() -> None:
    """What is better depends on the metric."""
    told = describe_score("loss_total", curve(2, 1, 3))

    assert told == "loss_total is best at step 2: 1.0000; at the last, step 3, it is 3.0000."
    assert describe_score("mAP", None) is None
    assert describe_score("mAP", curve()) is None
