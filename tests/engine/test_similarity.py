"""How like each other boxes and anchors are."""

from __future__ import annotations

import pytest
import tensorflow as tf

from odapi_runner.engine.similarity import similarities
from odapi_runner.engine.spec.boxes import (
    Ioa,
    Iou,
    NegativeSquaredDistance,
    Similarity,
    ThresholdedIou,
)

BOXES = [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]
ANCHORS = [[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 1.0], [5.0, 5.0, 6.0, 7.0]]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Iou(), [[1 / 7, 2 / 4, 0.0], [0.0, 1 / 2, 0.0]]),
        (Ioa(), [[1 / 4, 2 / 2, 0.0], [0.0, 1 / 2, 0.0]]),
        # 4 * 1; 1; 25 + 25 + 16 + 25 - 1 - 4 * 1; 1 + 1 + 4 + 4; 1; 25 + 25 + 25 + 36.
        (NegativeSquaredDistance(), [[-4.0, -1.0, -91.0], [-10.0, -1.0, -111.0]]),
        (ThresholdedIou(0.4), [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]),
        (ThresholdedIou(0.5), [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    ],
    ids=str,
)
def test_similarities(spec: Similarity, expected: list[list[float]]) -> None:
    """Of two boxes with three anchors; a threshold has to be passed."""
    found = similarities(spec, tf.constant(BOXES), tf.constant(ANCHORS))

    assert found.numpy() == pytest.approx(tf.constant(expected).numpy(), abs=1e-6)
