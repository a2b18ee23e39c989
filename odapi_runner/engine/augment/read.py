"""The options of a config's augmentation steps, read or refused by path (no TensorFlow here).

Defaults are preprocessor.proto's. What object_detection/builders/preprocessor_builder.py makes of
options stands at the lines that follow it.
"""

from __future__ import annotations

from collections.abc import Callable

from odapi_runner.engine.augment import spec
from odapi_runner.engine.augment.autoaugment.policies import POLICIES
from odapi_runner.engine.augment.read_crops import (
    read_color,
    read_crop_fixed_aspect_ratio,
    read_crop_image,
    read_crop_pad_fixed_aspect_ratio,
    read_crop_pad_image,
    read_ssd_crop,
    read_ssd_crop_pad,
)
from odapi_runner.engine.augment.read_values import read_above, read_range, read_share
from odapi_runner.engine.fields import Reader

JITTER_MODES = (
    "DEFAULT",
    "EXPAND",
    "SHRINK",
    "EXPAND_SYMMETRIC",
    "SHRINK_SYMMETRIC",
    "EXPAND_SYMMETRIC_XY",
    "SHRINK_SYMMETRIC_XY",
)
RESIZE_METHODS = ("BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA")
# What `random_downscale_to_target_pixels` takes where `max_target_pixels` is not set: its
# function's own default, since the builder hands on what is set only; the .proto says 500000.
UNSET_MAX_TARGET_PIXELS = 800_000


def read_augmentation(step: Reader) -> spec.Augmentation:
    """One element of `data_augmentation_options`."""
    kind, options = step.member("preprocessing_step", tuple(_READERS))
    return _READERS[kind](options)


def _horizontal_flip(options: Reader) -> spec.Augmentation:
    return spec.HorizontalFlip(read_share(options, "probability"))


def _vertical_flip(options: Reader) -> spec.Augmentation:
    return spec.VerticalFlip(read_share(options, "probability"))


def _rotation90(options: Reader) -> spec.Augmentation:
    return spec.Rotation90(read_share(options, "probability"))


def _normalize_image(options: Reader) -> spec.Augmentation:
    original = options.value("original_minval"), options.value("original_maxval")
    if original[0] == original[1]:
        options.refuse("original_maxval", f"is original_minval ({original[0]:g})", (255.0,))
    return spec.NormalizeImage(
        original, (options.value("target_minval"), options.value("target_maxval"))
    )


def _subtract_channel_mean(options: Reader) -> spec.Augmentation:
    means = options.value("means")
    if len(means) != 3:
        options.refuse("means", f"has {len(means)} values", ("one for each of three channels",))
        means = (0.0, 0.0, 0.0)
    return spec.SubtractChannelMean(means)


def _pixel_value_scale(options: Reader) -> spec.Augmentation:
    return spec.PixelValueScale(read_range(options, "minval", "maxval"))


def _random_rgb_to_gray(options: Reader) -> spec.Augmentation:
    return spec.RgbToGray(read_share(options, "probability"))


def _rgb_to_gray(_options: Reader) -> spec.Augmentation:
    return spec.RgbToGray(1.0)


def _adjust_gamma(options: Reader) -> spec.Augmentation:
    return spec.AdjustGamma(read_above(options, "gamma", 0, or_at=True), options.value("gain"))


def _adjust_brightness(options: Reader) -> spec.Augmentation:
    return spec.AdjustBrightness(read_above(options, "max_delta", 0, or_at=True))


def _adjust_contrast(options: Reader) -> spec.Augmentation:
    return spec.AdjustContrast(read_range(options, "min_delta", "max_delta"))


def _adjust_hue(options: Reader) -> spec.Augmentation:
    return spec.AdjustHue(read_share(options, "max_delta"))


def _adjust_saturation(options: Reader) -> spec.Augmentation:
    return spec.AdjustSaturation(read_range(options, "min_delta", "max_delta"))


def _distort_color(options: Reader) -> spec.Augmentation:
    return spec.DistortColor(contrast_first=options.require("color_ordering", (0, 1)) == 1)


def _black_patches(options: Reader) -> spec.Augmentation:
    return spec.BlackPatches(
        int(read_above(options, "max_black_patches", 0, or_at=True)),
        read_share(options, "probability"),
        read_share(options, "size_to_image_ratio"),
    )


def _jpeg_quality(options: Reader) -> spec.Augmentation:
    low, high = read_range(options, "min_jpeg_quality", "max_jpeg_quality")
    if low < 0 or high > 100:
        name = "min_jpeg_quality" if low < 0 else "max_jpeg_quality"
        options.refuse(name, "is not a JPEG quality", ("a number from 0 to 100",))
    return spec.JpegQuality(read_share(options, "random_coef"), int(low), int(high))


def _patch_gaussian(options: Reader) -> spec.Augmentation:
    read_above(options, "min_patch_size", 1, or_at=True)
    low, high = read_range(options, "min_patch_size", "max_patch_size")
    read_above(options, "min_gaussian_stddev", 0, or_at=True)
    return spec.PatchGaussian(
        read_share(options, "random_coef"),
        int(low),
        int(high),
        read_range(options, "min_gaussian_stddev", "max_gaussian_stddev"),
    )


def _image_scale(options: Reader) -> spec.Augmentation:
    read_above(options, "min_scale_ratio", 0)
    return spec.ImageScale(read_range(options, "min_scale_ratio", "max_scale_ratio"))


def _resize_image(options: Reader) -> spec.Augmentation:
    return spec.ResizeImage(
        int(read_above(options, "new_height", 0)),
        int(read_above(options, "new_width", 0)),
        options.require("method", RESIZE_METHODS),
    )


def _resize_method(options: Reader) -> spec.Augmentation:
    return spec.ResizeMethod(
        int(read_above(options, "target_height", 0)), int(read_above(options, "target_width", 0))
    )


def _downscale_to_target_pixels(options: Reader) -> spec.Augmentation:
    low, high = read_above(options, "min_target_pixels", 0), options.value("max_target_pixels")
    if not options.has("max_target_pixels"):
        high = UNSET_MAX_TARGET_PIXELS
    if high < low:
        options.refuse("max_target_pixels", f"is below min_target_pixels ({low:g})", (low,))
    return spec.DownscaleToTargetPixels(read_share(options, "random_coef"), int(low), int(high))


def _scale_boxes_to_pixels(_options: Reader) -> spec.Augmentation:
    return spec.ScaleBoxesToPixels()


def _jitter_boxes(options: Reader) -> spec.Augmentation:
    # From 1 on boxes could turn inside out.
    return spec.JitterBoxes(
        read_share(options, "ratio"), options.require("jitter_mode", JITTER_MODES)
    )


def _drop_label(options: Reader) -> spec.Augmentation:
    label = int(read_above(options, "label", 1, or_at=True))
    return spec.DropLabel(label - 1, read_share(options, "drop_probability"))


def _remap_labels(options: Reader) -> spec.Augmentation:
    originals = options.value("original_labels")
    if not originals:
        options.refuse("original_labels", "is empty", ("ids of the label map",))
    new = int(read_above(options, "new_label", 1, or_at=True))
    return spec.RemapLabels(tuple(label - 1 for label in originals), new - 1)


def _self_concat(options: Reader) -> spec.Augmentation:
    return spec.SelfConcat(
        read_share(options, "concat_vertical_probability"),
        read_share(options, "concat_horizontal_probability"),
    )


def _crop_to_aspect_ratio(options: Reader) -> spec.Augmentation:
    return spec.CropToAspectRatio(
        read_above(options, "aspect_ratio", 0),
        read_share(options, "overlap_thresh"),
        options.value("clip_boxes"),
    )


def _pad_image(options: Reader) -> spec.Augmentation:
    return spec.PadImage(
        _size(options, "min_image"), _size(options, "max_image"), read_color(options)
    )


def _size(options: Reader, name: str) -> tuple[int, int] | None:
    """Height and width, of which one alone is an error; None where neither is set."""
    names = f"{name}_height", f"{name}_width"
    there = [options.has(one) for one in names]
    if any(there) and not all(there):
        options.refuse(names[there.index(True)], "is set alone", (f"both {' and '.join(names)}",))
    height, width = (options.value(one) for one in names)
    return (height, width) if all(there) else None


def _absolute_pad_image(options: Reader) -> spec.Augmentation:
    # 0, their default, counts as 1; that pads nothing either.
    names = "max_height_padding", "max_width_padding"
    height, width = (int(read_above(options, name, 0, or_at=True)) or 1 for name in names)
    return spec.AbsolutePadImage((height, width), read_color(options))


def _square_crop_by_scale(options: Reader) -> spec.Augmentation:
    read_above(options, "scale_min", 0)
    return spec.SquareCropByScale(
        int(read_above(options, "max_border", 1, or_at=True)),
        read_range(options, "scale_min", "scale_max"),
        int(read_above(options, "num_scales", 1, or_at=True)),
    )


def _scale_crop_pad(options: Reader) -> spec.Augmentation:
    read_above(options, "scale_min", 0)
    return spec.ScaleCropPad(
        int(read_above(options, "output_size", 0)), *read_range(options, "scale_min", "scale_max")
    )


def _autoaugment(options: Reader) -> spec.Augmentation:
    return spec.AutoAugment(options.require("policy_name", tuple(POLICIES)))


def _logits_to_softmax(options: Reader) -> spec.Augmentation:
    return spec.LogitsToSoftmax(read_above(options, "temperature", 0))


_READERS: dict[str, Callable[[Reader], spec.Augmentation]] = {
    "random_horizontal_flip": _horizontal_flip,
    "random_vertical_flip": _vertical_flip,
    "random_rotation90": _rotation90,
    "normalize_image": _normalize_image,
    "subtract_channel_mean": _subtract_channel_mean,
    "random_pixel_value_scale": _pixel_value_scale,
    "random_rgb_to_gray": _random_rgb_to_gray,
    "rgb_to_gray": _rgb_to_gray,
    "adjust_gamma": _adjust_gamma,
    "random_adjust_brightness": _adjust_brightness,
    "random_adjust_contrast": _adjust_contrast,
    "random_adjust_hue": _adjust_hue,
    "random_adjust_saturation": _adjust_saturation,
    "random_distort_color": _distort_color,
    "random_black_patches": _black_patches,
    "random_jpeg_quality": _jpeg_quality,
    "random_patch_gaussian": _patch_gaussian,
    "random_image_scale": _image_scale,
    "resize_image": _resize_image,
    "random_resize_method": _resize_method,
    "random_downscale_to_target_pixels": _downscale_to_target_pixels,
    "scale_boxes_to_pixel_coordinates": _scale_boxes_to_pixels,
    "random_jitter_boxes": _jitter_boxes,
    "drop_label_probabilistically": _drop_label,
    "remap_labels": _remap_labels,
    "random_self_concat_image": _self_concat,
    "random_crop_image": read_crop_image,
    "random_crop_pad_image": read_crop_pad_image,
    "random_crop_to_aspect_ratio": _crop_to_aspect_ratio,
    "ssd_random_crop": read_ssd_crop,
    "ssd_random_crop_pad": read_ssd_crop_pad,
    "ssd_random_crop_fixed_aspect_ratio": read_crop_fixed_aspect_ratio,
    "ssd_random_crop_pad_fixed_aspect_ratio": read_crop_pad_fixed_aspect_ratio,
    "random_pad_image": _pad_image,
    "random_absolute_pad_image": _absolute_pad_image,
    "random_square_crop_by_scale": _square_crop_by_scale,
    "random_scale_crop_and_pad_to_square": _scale_crop_pad,
    "autoaugment_image": _autoaugment,
    "convert_class_logits_to_softmax": _logits_to_softmax,
}
