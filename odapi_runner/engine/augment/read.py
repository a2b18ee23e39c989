"""The options of a config's augmentation steps, read or refused by path (no TensorFlow here)."""

from __future__ import annotations

from collections.abc import Callable

from odapi_runner.engine.augment.spec import Augmentation, HorizontalFlip, ScaleCropPad
from odapi_runner.engine.fields import Reader


def read_augmentation(step: Reader) -> Augmentation:
    """One element of `data_augmentation_options`."""
    kind, options = step.member("preprocessing_step", tuple(_READERS))
    return _READERS[kind](options)


def _horizontal_flip(options: Reader) -> Augmentation:
    return HorizontalFlip(options.value("probability"))


def _scale_crop_pad(options: Reader) -> Augmentation:
    return ScaleCropPad(
        options.value("output_size"), options.value("scale_min"), options.value("scale_max")
    )


_READERS: dict[str, Callable[[Reader], Augmentation]] = {
    "random_horizontal_flip": _horizontal_flip,
    "random_scale_crop_and_pad_to_square": _scale_crop_pad,
}
