"""Targets of all anchors, as the Object Detection API has them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from odapi_runner.engine.ssd.targets import Targets


class Dense(NamedTuple):
    """Of each anchor; what nothing is matched with has codes of 0."""

    match: np.ndarray  # [batch, A]
    codes: np.ndarray  # [batch, A, code size]
    code_weights: np.ndarray  # [batch, A]
    classes: np.ndarray  # [batch, A, slots]
    class_weights: np.ndarray  # [batch, A] or [batch, A, slots]


def dense(targets: Targets, slots: int) -> Dense:
    """All anchors' targets."""
    match, classes = targets.match.numpy(), targets.classes.numpy()
    image, anchor = targets.places.numpy().T
    codes = np.zeros((*match.shape, targets.codes.shape[1]), np.float32)
    code_weights = np.zeros(match.shape, np.float32)
    codes[image, anchor] = targets.codes
    code_weights[image, anchor] = targets.code_weights
    one_hot = np.eye(slots, dtype=np.float32)[classes] * (classes >= 0)[..., None]
    return Dense(match, codes, code_weights, one_hot, targets.class_weights.numpy())
