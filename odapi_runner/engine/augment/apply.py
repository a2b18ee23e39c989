"""Augmentations, in the config's order, each drawn from (seed, example number, place)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from odapi_runner.engine.augment.flip import horizontal_flip
from odapi_runner.engine.augment.scale_crop_pad import scale_crop_pad
from odapi_runner.engine.augment.spec import Augmentation, HorizontalFlip, ScaleCropPad
from odapi_runner.engine.records import Sample

_STEPS: dict[type, Callable[[Sample, Any, tf.Tensor], Sample]] = {
    HorizontalFlip: horizontal_flip,
    ScaleCropPad: scale_crop_pad,
}


def augment(sample: Sample, steps: Sequence[Augmentation], seed: tf.Tensor) -> Sample:
    """Apply all steps; boxes, classes, weights and flags follow the image.

    Args:
        sample: with the image decoded, uint8 or float32 [height, width, 3].
        steps: in the order of the config.
        seed: int64 [2], (seed, example number).
    """
    for place, step in enumerate(steps):
        own_seed = tf.random.experimental.stateless_fold_in(seed, place)
        sample = _STEPS[type(step)](sample, step, own_seed)
    return sample
