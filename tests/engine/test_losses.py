"""Losses, against values worked out in double precision from the papers' formulas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.losses import (
    CLASSIFICATION,
    LOCALIZATION,
    detection_losses,
    focal_loss,
    smooth_l1_loss,
)
from odapi_runner.engine.spec import Loss
from odapi_runner.engine.targets import Targets


@pytest.mark.parametrize(
    ("error", "delta", "expected"),
    [
        (0.0, 1.0, 0.0),
        (0.5, 1.0, 0.125),  # e² / 2
        (1.0, 1.0, 0.5),  # where both halves meet
        (3.0, 1.0, 2.5),  # delta * (|e| - delta / 2)
        (0.5, 0.1, 0.045),
        (-3.0, 2.0, 4.0),
    ],
)
def test_smooth_l1(error: float, delta: float, expected: float) -> None:
    """Square below delta, linear above."""
    found = smooth_l1_loss(tf.constant([1.0 + error]), tf.constant([1.0]), delta=delta)

    assert found.numpy() == pytest.approx([expected], abs=1e-6)


@pytest.mark.parametrize(
    ("logit", "target", "alpha", "gamma", "expected"),
    [
        (0.0, 1.0, None, 0.0, math.log(2)),  # cross entropy alone
        (0.0, 0.0, None, 0.0, math.log(2)),
        (0.0, 1.0, 0.25, 2.0, 0.25 * 0.25 * math.log(2)),
        (0.0, 0.0, 0.25, 2.0, 0.75 * 0.25 * math.log(2)),
        # p = 3/4: a positive that is right, a negative that is wrong.
        (math.log(3), 1.0, 0.25, 1.5, 0.25 * 0.25**1.5 * math.log(4 / 3)),
        (math.log(3), 0.0, 0.25, 1.5, 0.75 * 0.75**1.5 * math.log(4)),
        (math.log(3), 1.0, None, 1.5, 0.25**1.5 * math.log(4 / 3)),
        (math.log(3), 1.0, 0.25, 0.0, 0.25 * math.log(4 / 3)),
    ],
)
def test_focal_loss(
    logit: float, target: float, alpha: float | None, gamma: float, expected: float
) -> None:
    """alpha_t (1 - p_t)^gamma * -log p_t."""
    found = focal_loss(tf.constant([logit]), tf.constant([target]), alpha=alpha, gamma=gamma)

    assert found.numpy() == pytest.approx([expected], rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
def test_the_focal_loss_is_finite_for_any_logit(gamma: float) -> None:
    """So is its gradient; a wrong logit of 100 costs 100."""
    logits = tf.Variable([-100.0, 100.0, -100.0, 100.0])
    targets = tf.constant([0.0, 0.0, 1.0, 1.0])
    with tf.GradientTape() as tape:
        loss = focal_loss(logits, targets, alpha=None, gamma=gamma)

    assert loss.numpy() == pytest.approx([0.0, 100.0, 100.0, 0.0], abs=1e-5)
    assert np.isfinite(tape.gradient(loss, logits)).all()


SPEC = Loss(
    alpha=None,
    gamma=0.0,
    delta=1.0,
    classification_weight=2.0,
    localization_weight=3.0,
    negative_class_weight=1.0,
    normalize_by_matches=True,
    normalize_by_code_size=True,
)


def losses(spec: Loss, code_weights: list[float], class_weights: list[float]) -> tuple:
    """One image, two anchors, one class: codes wrong by 1 each, logits of 0."""
    targets = Targets(
        codes=tf.zeros([1, 2, 4]),
        code_weights=tf.constant([code_weights]),
        classes=tf.constant([[[1.0], [0.0]]]),
        class_weights=tf.constant([class_weights]),
        match=tf.constant([[0, -1]]),
    )
    found = detection_losses(spec, tf.ones([1, 2, 4]), tf.zeros([1, 2, 1]), targets)
    return float(found[LOCALIZATION]), float(found[CLASSIFICATION])


def changed(**changes: bool) -> Loss:
    return dataclasses.replace(SPEC, **changes)


@pytest.mark.parametrize(
    ("spec", "code_weights", "class_weights", "localization", "classification"),
    [
        # One box of weight 1: 3 * (4 codes of 1/2) / (1 * 4); 2 * (2 anchors of ln 2) / 1.
        (SPEC, [1.0, 0.0], [1.0, 1.0], 1.5, 4 * math.log(2)),
        # Weights of the boxes 2 and 2: sums double, or do not, and are divided by 4.
        (SPEC, [2.0, 2.0], [1.0, 1.0], 3 * 8 / 16, math.log(2)),
        # Below 1 the weight is no divisor: 3 * (0.5 * 2) / 4.
        (SPEC, [0.5, 0.0], [0.5, 1.0], 0.75, 3 * math.log(2)),
        (changed(normalize_by_code_size=False), [1.0, 0.0], [1.0, 1.0], 6.0, 4 * math.log(2)),
        (changed(normalize_by_matches=False), [2.0, 2.0], [1.0, 1.0], 6.0, 4 * math.log(2)),
        # No boxes at all.
        (SPEC, [0.0, 0.0], [1.0, 1.0], 0.0, 4 * math.log(2)),
    ],
)
def test_sums_and_their_divisors(
    spec: Loss,
    code_weights: list[float],
    class_weights: list[float],
    localization: float,
    classification: float,
) -> None:
    """Sums over anchors, by the weight of the matched and by the code size."""
    found = losses(spec, code_weights, class_weights)

    assert found == pytest.approx((localization, classification), rel=1e-5)
