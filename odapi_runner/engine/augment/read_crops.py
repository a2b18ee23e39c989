"""The options of random crops, which come alone and in lists of operations.

Source: object_detection/builders/preprocessor_builder.py; the operations of a list left empty are
the defaults of the functions in object_detection/core/preprocessor.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from odapi_runner.engine.augment.read_values import read_above, read_range, read_share
from odapi_runner.engine.augment.spec import (
    Augmentation,
    Crop,
    CropFixedAspectRatio,
    CropImage,
    CropPadFixedAspectRatio,
    CropPadImage,
    Padding,
    Range,
)
from odapi_runner.engine.fields import Reader

_SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
_DEFAULT_CROPS = tuple(
    Crop(share, (0.5, 2.0), (0.1, 1.0), share, clip_boxes=True, random_coef=0.15)
    for share in _SHARES
)
_DEFAULT_PADDING = Padding((1.0, 1.0), (2.0, 2.0), None)


def read_crop_image(options: Reader) -> Augmentation:
    """`random_crop_image`."""
    return CropImage((_crop(options),))


def read_ssd_crop(options: Reader) -> Augmentation:
    """`ssd_random_crop`."""
    return CropImage(_crops(options) or _DEFAULT_CROPS)


def read_crop_pad_image(options: Reader) -> Augmentation:
    """`random_crop_pad_image`."""
    min_ratio, max_ratio = _padded_size_ratios(options, optional=True)
    padding = Padding(min_ratio, max_ratio, read_color(options))
    return CropPadImage((_crop(options),), (padding,))


def read_ssd_crop_pad(options: Reader) -> Augmentation:
    """`ssd_random_crop_pad`; without operations there is none for a share of 0."""
    crops, paddings = [], []
    for operation in options.messages("operations"):
        crops.append(_crop(operation))
        color = tuple(operation.value(f"pad_color_{channel}") for channel in "rgb")
        paddings.append(Padding(*_padded_size_ratios(operation, optional=False), color))
    if not crops:
        return CropPadImage(_DEFAULT_CROPS[1:], (_DEFAULT_PADDING,) * len(_DEFAULT_CROPS[1:]))
    return CropPadImage(tuple(crops), tuple(paddings))


def read_crop_fixed_aspect_ratio(options: Reader) -> Augmentation:
    """`ssd_random_crop_fixed_aspect_ratio`, whose operations have no ratios of their own."""
    ratio = read_above(options, "aspect_ratio", 0)
    crops = tuple(_crop(one, aspect_ratio=ratio) for one in options.messages("operations"))
    if not crops and ratio != 1:
        # The builder gives the function no argument at all then.
        options.refuse("aspect_ratio", f"{ratio:g} counts with operations only", (1.0,))
    defaults = (
        Crop(one.min_object_covered, (1.0, 1.0), one.area, one.overlap_threshold, True, 0.15)
        for one in _DEFAULT_CROPS
    )
    return CropFixedAspectRatio(crops or tuple(defaults), ratio)


def read_crop_pad_fixed_aspect_ratio(options: Reader) -> Augmentation:
    """`ssd_random_crop_pad_fixed_aspect_ratio`."""
    min_ratio, max_ratio = _padded_size_ratios(options, optional=True)
    return CropPadFixedAspectRatio(
        _crops(options) or _DEFAULT_CROPS,
        read_above(options, "aspect_ratio", 0),
        min_ratio,
        max_ratio,
    )


def read_color(options: Reader) -> tuple[float, float, float] | None:
    """`pad_color`; None where it is empty."""
    color = options.value("pad_color")
    if not color:
        return None
    if len(color) != 3:
        options.refuse("pad_color", f"has {len(color)} values", ("red, green and blue",))
        return None
    return color


def _crops(options: Reader) -> tuple[Crop, ...]:
    return tuple(_crop(operation) for operation in options.messages("operations"))


def _crop(options: Reader, aspect_ratio: float | None = None) -> Crop:
    """A crop; TensorFlow's sampling of windows takes positive ratios and areas up to 1 only."""
    if aspect_ratio is None:
        read_above(options, "min_aspect_ratio", 0)
        ratios = read_range(options, "min_aspect_ratio", "max_aspect_ratio")
    else:
        ratios = aspect_ratio, aspect_ratio
    read_above(options, "min_area", 0)
    read_share(options, "max_area")
    return Crop(
        min_object_covered=read_share(options, "min_object_covered"),
        aspect_ratio=ratios,
        area=read_range(options, "min_area", "max_area"),
        overlap_threshold=read_share(options, "overlap_thresh"),
        clip_boxes=options.value("clip_boxes"),
        random_coef=read_share(options, "random_coef"),
    )


def _padded_size_ratios(options: Reader, *, optional: bool) -> tuple[Range, Range]:
    """How far to pad: at least and at most, (height, width) in sizes of the image."""
    return (
        _pair(options, "min_padded_size_ratio", _DEFAULT_PADDING.min_ratio, optional=optional),
        _pair(options, "max_padded_size_ratio", _DEFAULT_PADDING.max_ratio, optional=optional),
    )


def _pair(options: Reader, name: str, default: Range, *, optional: bool) -> Range:
    values: Sequence[float] = options.value(name)
    if len(values) == 2:
        return values[0], values[1]
    if values or not optional:
        options.refuse(name, f"has {len(values)} values", ("height and width",))
    return default
