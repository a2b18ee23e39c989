"""Losses, against values worked out in double precision from the papers' formulas."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.ssd.classification import classification_losses
from odapi_runner.engine.ssd.hard_examples import hard_examples
from odapi_runner.engine.ssd.localization import smooth_l1_loss
from odapi_runner.engine.ssd.loss_spec import (
    L2,
    BootstrappedSigmoid,
    ClassificationLoss,
    Dice,
    FocalSigmoid,
    HardExamples,
    Loss,
    PenaltyReduced,
    SmoothL1,
    Softmax,
)
from odapi_runner.engine.ssd.losses import (
    CLASSIFICATION,
    LOCALIZATION,
    detection_losses,
)
from odapi_runner.engine.ssd.predictions import Predictions
from odapi_runner.engine.ssd.sigmoid import sigmoid_losses
from odapi_runner.engine.ssd.targets import Targets
from support.configs import small_spec


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
        (0.0, 1, None, 0.0, math.log(2)),  # cross entropy alone
        (0.0, 0, None, 0.0, math.log(2)),
        (0.0, 1, 0.25, 2.0, 0.25 * 0.25 * math.log(2)),
        (0.0, 0, 0.25, 2.0, 0.75 * 0.25 * math.log(2)),
        # p = 3/4: a positive that is right, a negative that is wrong.
        (math.log(3), 1, 0.25, 1.5, 0.25 * 0.25**1.5 * math.log(4 / 3)),
        (math.log(3), 0, 0.25, 1.5, 0.75 * 0.75**1.5 * math.log(4)),
        (math.log(3), 1, None, 1.5, 0.25**1.5 * math.log(4 / 3)),
        (math.log(3), 1, 0.25, 0.0, 0.25 * math.log(4 / 3)),
        (math.log(3), 0, None, 0.7, 0.75**0.7 * math.log(4)),
    ],
)
def test_focal_loss(
    logit: float, target: int, alpha: float | None, gamma: float, expected: float
) -> None:
    """alpha_t (1 - p_t)^gamma * -log p_t."""
    spec = FocalSigmoid(alpha, gamma)
    found = sigmoid_losses(
        tf.constant([[[logit]]]), tf.constant([[target - 1]]), tf.constant([[3.0]]), spec
    )

    assert found.numpy() == pytest.approx(np.array([[3 * expected]]), rel=1e-5)


@pytest.mark.parametrize("each", [True, False])
@pytest.mark.parametrize("alpha", [None, 0.25, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.7, 1.5, 2.0])
def test_the_focal_loss_written_out_is_autodiff_of_the_formula(
    gamma: float, alpha: float | None, each: bool
) -> None:
    """Loss and gradient, for weights of anchors and of class scores, in double precision."""
    generator = np.random.default_rng(0)
    logits = tf.constant(generator.normal(0, 3, (2, 5, 4)), tf.float32)
    classes = tf.constant([[-1, 0, 3, -1, 2], [1, -1, -1, -1, 0]])
    weights = generator.uniform(0, 2, (2, 5) if each else (2, 5, 4))
    upstream = generator.normal(0, 1, (2, 5))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = sigmoid_losses(
            logits, classes, tf.constant(weights, tf.float32), FocalSigmoid(alpha, gamma)
        )
    slope = tape.gradient(found, logits, tf.constant(upstream, tf.float32))
    exact, positive = tf.cast(logits, tf.float64), tf.one_hot(classes, 4, dtype=tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(exact)
        right = positive * tf.sigmoid(exact) + (1 - positive) * tf.sigmoid(-exact)
        share = 1.0 if alpha is None else positive * alpha + (1 - positive) * (1 - alpha)
        entries = -share * (1 - right) ** gamma * tf.math.log(right)
        expected = tf.reduce_sum(entries * (weights[..., None] if each else weights), axis=-1)

    assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-7)
    assert slope.numpy() == pytest.approx(
        tape.gradient(expected, exact, tf.constant(upstream)).numpy(), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("gamma", [0.0, 0.7, 1.5, 2.0])
def test_the_focal_loss_is_finite_for_any_logit(gamma: float) -> None:
    """So is its gradient; a wrong logit of 100 costs 100."""
    logits = tf.Variable([[[-100.0], [100.0], [-100.0], [100.0]]])
    classes = tf.constant([[-1, -1, 0, 0]])
    with tf.GradientTape() as tape:
        loss = sigmoid_losses(logits, classes, tf.ones([1, 4]), FocalSigmoid(None, gamma))

    assert loss.numpy()[0] == pytest.approx([0.0, 100.0, 100.0, 0.0], abs=1e-5)
    assert np.isfinite(tape.gradient(loss, logits)).all()


SPEC = Loss(
    classification=FocalSigmoid(None, 0.0),
    localization=SmoothL1(1.0),
    hard_examples=None,
    positive_share=None,
    classification_weight=2.0,
    localization_weight=3.0,
    negative_class_weight=1.0,
    implicit_weight=None,
    normalize_by_matches=True,
    normalize_by_code_size=True,
)


def losses(spec: Loss, code_weights: list[float], class_weights: list[float]) -> tuple:
    """One image, two anchors, one class: codes wrong by 1 each, logits of 0."""
    targets = Targets(
        match=tf.constant([[0, -1]]),
        classes=tf.constant([[0, -1]]),
        class_weights=tf.constant([class_weights]),
        places=tf.constant([[0, 0], [0, 1]], tf.int64),
        codes=tf.zeros([2, 4]),
        code_weights=tf.constant(code_weights),
    )
    predictions = Predictions(tf.ones([1, 2, 4]), tf.zeros([1, 2, 1]), tf.zeros([2, 4]), [])
    model = dataclasses.replace(small_spec().model, loss=spec)
    found = detection_losses(model, predictions, targets)
    return float(found[LOCALIZATION]), float(found[CLASSIFICATION])


def changed(**changes: Any) -> Loss:
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
        # Half the square of weight and error: 3 * (4 codes of 2² / 2) / (2 * 4).
        (changed(localization=L2()), [2.0, 0.0], [1.0, 1.0], 3.0, 2 * math.log(2)),
        # One hard example of two: the one with a box.
        (
            changed(hard_examples=HardExamples(1, 0.5, "LOCALIZATION", None, 0)),
            [1.0, 0.0],
            [1.0, 1.0],
            1.5,
            2 * math.log(2),
        ),
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


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        # Logits ln 3 and 0, the first class is right: -ln 3/4, -ln 1/2.
        (FocalSigmoid(None, 0.0), math.log(4 / 3) + math.log(2)),
        (FocalSigmoid(None, 1.0), 0.25 * math.log(4 / 3) + 0.5 * math.log(2)),
        # e^ln 3 / (e^ln 3 + e^0) = 3/4.
        (Softmax(1.0, against_logits=False), math.log(4 / 3)),
        (Softmax(2.0, against_logits=False), math.log(1 + 3**-0.5)),
        # Targets e : 1, that is 0.731 and 0.269.
        (
            Softmax(1.0, against_logits=True),
            (math.e * math.log(4 / 3) + math.log(4)) / (math.e + 1),
        ),
        # Targets 1/2 + 3/8 and 1/4: of a target t the entropy is ln(1 + e^x) - t x.
        (
            BootstrappedSigmoid(0.5, hard=False),
            math.log(4) - 0.875 * math.log(3) + math.log(2),
        ),
        (BootstrappedSigmoid(0.5, hard=True), math.log(4 / 3) + math.log(2)),
        (PenaltyReduced(2.0, 4.0), math.log(4 / 3) / 16 + math.log(2) / 4),
    ],
    ids=str,
)
def test_classification_losses(spec: ClassificationLoss, expected: float) -> None:
    """Of one anchor of weight 3 and one of weight 0."""
    logits = tf.constant([[[math.log(3), 0.0]] * 2])
    classes = tf.constant([[0, 0]])

    found = classification_losses(spec, logits, classes, tf.constant([[3.0, 0.0]]))

    assert found.numpy()[0].tolist() == pytest.approx([3 * expected, 0.0], rel=1e-5)


def test_dice() -> None:
    """1 - 2 * common / (said + wanted), at least 1, over all anchors; weights count as factors."""
    logits = tf.constant([[[math.log(3), 0.0], [0.0, math.log(3)]]])
    found = classification_losses(
        Dice(squared=False, probabilities=False), logits, tf.constant([[0, -1]]), tf.ones([1, 2])
    )

    # Said 3/4 and 1/2 of the first class, of which 3/4 is common with 1; 1/2 and 3/4 of none.
    assert found.numpy()[0] == pytest.approx([1 - 1.5 / 2.25, 1.0])


APART = [[0.0, 0.1 * place, 0.1, 0.1 * place + 0.05] for place in range(6)]
COSTS = [5.0, 9.0, 1.0, 7.0, 3.0, 8.0]
MATCH = [0, -1, 1, -1, -1, -2]


@pytest.mark.parametrize(
    ("spec", "boxes", "expected"),
    [
        (HardExamples(None, 1.0, "BOTH", None, 0), APART, [0, 1, 2, 3, 4, 5]),
        (HardExamples(3, 1.0, "BOTH", None, 0), APART, [1, 3, 5]),
        # Two positives: two negatives; the ignored anchor comes before the negatives are full.
        (HardExamples(None, 1.0, "BOTH", 1, 0), APART, [0, 1, 2, 3, 5]),
        # One positive among the first five by cost: one negative, and the ignored one after it.
        (HardExamples(4, 1.0, "BOTH", 1, 0), APART, [0, 1, 5]),
        (HardExamples(3, 1.0, "BOTH", 1, 0), APART, []),
        (HardExamples(3, 1.0, "BOTH", 1, 2), APART, [1, 3, 5]),
        # The boxes of 1, 3 and 5 are one: the worst stands for them.
        (
            HardExamples(None, 0.5, "BOTH", None, 0),
            [APART[1] if place in {3, 5} else box for place, box in enumerate(APART)],
            [0, 1, 2, 4],
        ),
    ],
)
def test_hard_examples(spec: HardExamples, boxes: list[list[float]], expected: list[int]) -> None:
    """By cost, not overlapping, negatives by the number of positives; each image by itself."""
    easy = tf.constant([COSTS, [0.0] * 6])
    found = hard_examples(spec, easy, tf.constant([boxes] * 2), tf.constant([MATCH] * 2))

    assert np.flatnonzero(found[0]).tolist() == expected
    assert found.shape == (2, 6)
