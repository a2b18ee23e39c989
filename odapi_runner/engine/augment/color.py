"""Brightness, contrast, hue, saturation, gamma, grey; all give float32 pixels in 0..255.

Source: object_detection/core/preprocessor.py. It divides by 255 before an adjustment and
multiplies after it; hue, saturation and contrast do not depend on the unit, so pixels keep theirs
here.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.augment import draws
from odapi_runner.engine.augment.spec import (
    AdjustBrightness,
    AdjustContrast,
    AdjustGamma,
    AdjustHue,
    AdjustSaturation,
    DistortColor,
    RgbToGray,
)
from odapi_runner.engine.records import Sample

_LUMA = (0.2989, 0.5870, 0.1140)


def rgb_to_gray(sample: Sample, step: RgbToGray, seed: tf.Tensor) -> Sample:
    """Make the three channels the pixel's luma, with the step's probability.

    The Object Detection API's `rgb_to_gray` leaves one channel, which its feature extractors
    that subtract a mean a channel make three equal ones again; a network takes three.
    """
    image = tf.cast(sample.image, tf.float32)
    gray = tf.cond(
        draws.happens(seed, step.probability),
        lambda: tf.broadcast_to(tf.tensordot(image, _LUMA, 1)[..., None], tf.shape(image)),
        lambda: image,
    )
    return sample._replace(image=tf.ensure_shape(gray, image.shape))


def adjust_gamma(sample: Sample, step: AdjustGamma, _seed: tf.Tensor) -> Sample:
    """Raise pixels, as shares of 255, to the power gamma, and multiply by the gain."""
    image = tf.cast(sample.image, tf.float32)
    return _clipped(sample, 255 * step.gain * (image / 255) ** step.gamma)


def adjust_brightness(sample: Sample, step: AdjustBrightness, seed: tf.Tensor) -> Sample:
    """Add one number to all pixels."""
    delta = 255 * draws.number(seed, -step.max_delta, step.max_delta)
    return _clipped(sample, tf.cast(sample.image, tf.float32) + delta)


def adjust_contrast(sample: Sample, step: AdjustContrast, seed: tf.Tensor) -> Sample:
    """Multiply what each channel differs from its mean."""
    factor = draws.number(seed, *step.factor)
    return _clipped(sample, tf.image.adjust_contrast(tf.cast(sample.image, tf.float32), factor))


def adjust_hue(sample: Sample, step: AdjustHue, seed: tf.Tensor) -> Sample:
    """Turn the hue by up to `max_delta` of the circle."""
    delta = draws.number(seed, -step.max_delta, step.max_delta)
    return _clipped(sample, tf.image.adjust_hue(tf.cast(sample.image, tf.float32), delta))


def adjust_saturation(sample: Sample, step: AdjustSaturation, seed: tf.Tensor) -> Sample:
    """Multiply the saturation."""
    factor = draws.number(seed, *step.factor)
    return _clipped(sample, tf.image.adjust_saturation(tf.cast(sample.image, tf.float32), factor))


def distort_color(sample: Sample, step: DistortColor, seed: tf.Tensor) -> Sample:
    """Change brightness, saturation, hue and contrast, clipping after each."""
    seeds = draws.split(seed, 4)
    sample = adjust_brightness(sample, AdjustBrightness(32 / 255), seeds[0])
    if step.contrast_first:
        sample = adjust_contrast(sample, AdjustContrast((0.5, 1.5)), seeds[1])
    sample = adjust_saturation(sample, AdjustSaturation((0.5, 1.5)), seeds[2])
    sample = adjust_hue(sample, AdjustHue(0.2), seeds[3])
    if not step.contrast_first:
        sample = adjust_contrast(sample, AdjustContrast((0.5, 1.5)), seeds[1])
    return sample


def _clipped(sample: Sample, image: tf.Tensor) -> Sample:
    return sample._replace(image=tf.clip_by_value(image, 0.0, 255.0))
