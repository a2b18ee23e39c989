"""Augmentations, in the config's order, each drawn from (seed, example number, place)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from odapi_runner.engine.augment import (
    color,
    crop,
    flip,
    labels,
    pad,
    pixels,
    scale,
    spec,
    square,
)
from odapi_runner.engine.augment.autoaugment.apply import autoaugment
from odapi_runner.engine.records import Sample

_STEPS: dict[type, Callable[[Sample, Any, tf.Tensor], Sample]] = {
    spec.HorizontalFlip: flip.horizontal_flip,
    spec.VerticalFlip: flip.vertical_flip,
    spec.Rotation90: flip.rotation90,
    spec.NormalizeImage: pixels.normalize_image,
    spec.SubtractChannelMean: pixels.subtract_channel_mean,
    spec.PixelValueScale: pixels.pixel_value_scale,
    spec.BlackPatches: pixels.black_patches,
    spec.JpegQuality: pixels.jpeg_quality,
    spec.PatchGaussian: pixels.patch_gaussian,
    spec.RgbToGray: color.rgb_to_gray,
    spec.AdjustGamma: color.adjust_gamma,
    spec.AdjustBrightness: color.adjust_brightness,
    spec.AdjustContrast: color.adjust_contrast,
    spec.AdjustHue: color.adjust_hue,
    spec.AdjustSaturation: color.adjust_saturation,
    spec.DistortColor: color.distort_color,
    spec.ImageScale: scale.image_scale,
    spec.ResizeImage: scale.resize_image,
    spec.ResizeMethod: scale.resize_method,
    spec.DownscaleToTargetPixels: scale.downscale_to_target_pixels,
    spec.ScaleBoxesToPixels: scale.scale_boxes_to_pixels,
    spec.JitterBoxes: labels.jitter_boxes,
    spec.DropLabel: labels.drop_label,
    spec.RemapLabels: labels.remap_labels,
    spec.SelfConcat: labels.self_concat,
    spec.CropImage: crop.crop_image,
    spec.CropFixedAspectRatio: crop.crop_fixed_aspect_ratio,
    spec.CropToAspectRatio: crop.crop_to_aspect_ratio,
    spec.PadImage: pad.pad_image,
    spec.AbsolutePadImage: pad.absolute_pad_image,
    spec.CropPadImage: pad.crop_pad_image,
    spec.CropPadFixedAspectRatio: pad.crop_pad_fixed_aspect_ratio,
    spec.SquareCropByScale: square.square_crop_by_scale,
    spec.ScaleCropPad: square.scale_crop_pad,
    spec.AutoAugment: autoaugment,
    spec.LogitsToSoftmax: labels.logits_to_softmax,
}


def augment(sample: Sample, steps: Sequence[spec.Augmentation], seed: tf.Tensor) -> Sample:
    """Apply all steps; all that belongs to the boxes follows the image.

    Args:
        sample: with the image decoded, uint8 or float32 [height, width, 3].
        steps: in the order of the config.
        seed: int64 [2], (seed, example number).
    """
    for place, step in enumerate(steps):
        own_seed = tf.random.experimental.stateless_fold_in(seed, place)
        sample = _STEPS[type(step)](sample, step, own_seed)
    return sample
