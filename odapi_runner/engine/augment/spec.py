"""What each step of augmentation is to do, as plain values (no TensorFlow here).

Names and defaults are those of preprocessor.proto.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HorizontalFlip:
    """`random_horizontal_flip`."""

    probability: float


@dataclass(frozen=True, slots=True)
class ScaleCropPad:
    """`random_scale_crop_and_pad_to_square`."""

    output_size: int
    scale_min: float
    scale_max: float


Augmentation = HorizontalFlip | ScaleCropPad
