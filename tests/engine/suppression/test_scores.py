"""From logits to scores: figures of the Object Detection API's own score converters.

Each expected row is what `builders.post_processing_builder.build` made of the same logits.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.spec.suppression import Curve, Scores
from odapi_runner.engine.suppression.scores import convert_scores, score_anchors

PLAIN = Scores(converter="IDENTITY", logit_scale=1.0, temperature=1.0, curve=None, slot_curves=())
LOGITS = [[-3.0, -1.0, 0.5], [0.0, 2.0, -0.5], [4.0, 1.0, 9.0]]
CURVE = Curve(x=(0.1, 0.5, 0.9), y=(0.2, 0.6, 0.7))
HALF, BENT = Curve((0.0, 1.0), (0.0, 0.5)), Curve((0.2, 0.5, 0.8), (0.1, 0.3, 0.9))


def with_values(**changes: Any) -> Scores:
    return dataclasses.replace(PLAIN, **changes)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            with_values(converter="SOFTMAX", logit_scale=2.0),
            [[0.105564, 0.286954, 0.607482], [0.222366, 0.604454, 0.173179],
             [0.074596, 0.016645, 0.90876]],
        ),
        (
            with_values(converter="SIGMOID", logit_scale=2.0, temperature=0.5),
            [[0.047426, 0.268941, 0.622459], [0.5, 0.880797, 0.377541],
             [0.982014, 0.731059, 0.999877]],
        ),
        (
            with_values(converter="SIGMOID", curve=CURVE),
            [[0.2, 0.368941, 0.630615], [0.6, 0.695199, 0.477541], [0.7, 0.657765, 0.7]],
        ),
        # Beyond 0.9 + 1 a value gets the first y: 2, 4 and 9, but not 1.
        (
            with_values(curve=CURVE),
            [[0.2, 0.2, 0.6], [0.2, 0.2, 0.2], [0.2, 0.7, 0.2]],
        ),
        (
            with_values(converter="SIGMOID", slot_curves=((0, HALF), (2, BENT))),
            [[0.023713, 0.268941, 0.544919], [0.25, 0.880797, 0.21836],
             [0.491007, 0.731059, 0.9]],
        ),
    ],
    ids=["softmax", "temperature", "curve", "curve of logits", "curve of slots"],
)  # fmt: skip
def test_scores_are_the_reference_scores(spec: Scores, expected: list[list[float]]) -> None:
    """Converter, scale and calibration give the Object Detection API's figures."""
    np.testing.assert_allclose(convert_scores(spec, tf.constant([LOGITS]))[0], expected, atol=2e-6)


@pytest.mark.parametrize("converter", ["SIGMOID", "SOFTMAX"])
def test_anchors_are_scored_when_asked_for(converter: str) -> None:
    """The background counts in a softmax, and is no class."""
    spec = with_values(converter=converter)
    scored = score_anchors(spec, tf.constant([LOGITS]), background=True)

    whole = convert_scores(spec, tf.constant([LOGITS]))[0].numpy()
    assert scored.num_classes == 2
    np.testing.assert_allclose(scored.of(tf.constant([[2, 0]]))[0], whole[[2, 0], 1:], rtol=1e-6)
    assert (scored.bound(scored.best)[0].numpy() >= whole[:, 1:].max(axis=1) * (1 - 1e-6)).all()
