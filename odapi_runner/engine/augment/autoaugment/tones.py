"""What AutoAugment does to pixels where they are; images are uint8 [height, width, 3].

Source: object_detection/utils/autoaugment_utils.py.
"""

from __future__ import annotations

import tensorflow as tf

GRAY = 128  # what stands where an operation leaves nothing


def blend(degenerate: tf.Tensor, image: tf.Tensor, factor: float) -> tf.Tensor:
    """From the degenerate image (factor 0) to the image (1) and beyond."""
    low, high = tf.cast(degenerate, tf.float32), tf.cast(image, tf.float32)
    return tf.cast(tf.clip_by_value(low + factor * (high - low), 0.0, 255.0), tf.uint8)


def _factor(level: int) -> float:
    """Of a level 0..10: 0.1 to 1.9."""
    return level / 10 * 1.8 + 0.1


def color(image: tf.Tensor, level: int) -> tf.Tensor:
    """Between grey and a doubled saturation."""
    gray = tf.image.rgb_to_grayscale(image)
    return blend(tf.broadcast_to(gray, tf.shape(image)), image, _factor(level))


def contrast(image: tf.Tensor, level: int) -> tf.Tensor:
    """Between one grey and a doubled contrast.

    The grey is a 256th of the number of pixels, up to 255: where the mean of the histogram was
    meant, the Object Detection API sums its counts.
    """
    pixels = tf.cast(tf.shape(image)[0] * tf.shape(image)[1], tf.float32)
    gray = tf.cast(tf.minimum(pixels / 256, 255.0), tf.uint8)
    return blend(tf.fill(tf.shape(image), gray), image, _factor(level))


def brightness(image: tf.Tensor, level: int) -> tf.Tensor:
    """Between black and doubled values."""
    return blend(tf.zeros_like(image), image, _factor(level))


def sharpness(image: tf.Tensor, level: int) -> tf.Tensor:
    """Between smoothed and sharpened; the outermost pixels stay."""
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13
    kernel = tf.tile(kernel[..., None, None], [1, 1, 3, 1])
    pixels = tf.cast(image, tf.float32)[None]
    smooth = tf.nn.depthwise_conv2d(pixels, kernel, [1, 1, 1, 1], "VALID")[0]
    smooth = tf.cast(tf.clip_by_value(smooth, 0.0, 255.0), tf.uint8)
    inner = image[1:-1, 1:-1]
    middle = tf.concat([image[1:-1, :1], blend(smooth, inner, _factor(level)), image[1:-1, -1:]], 1)
    return tf.concat([image[:1], middle, image[-1:]], axis=0)


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Stretch each channel to 0..255; one that has a single value stays."""
    pixels = tf.cast(image, tf.float32)
    low, high = tf.reduce_min(pixels, axis=[0, 1]), tf.reduce_max(pixels, axis=[0, 1])
    scale = 255 / tf.maximum(high - low, 1)
    stretched = tf.clip_by_value(pixels * scale - low * scale, 0.0, 255.0)
    return tf.where(high > low, tf.cast(stretched, tf.uint8), image)


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Make the histogram of each channel flat, as PIL does."""
    channels = [_equalized(channel) for channel in tf.unstack(tf.cast(image, tf.int32), axis=2)]
    return tf.stack(channels, axis=2)


def _equalized(channel: tf.Tensor) -> tf.Tensor:
    counts = tf.math.bincount(tf.reshape(channel, [-1]), minlength=256, maxlength=256)
    step = (tf.size(channel) - counts[tf.reduce_max(channel)]) // 255
    # Where the step is 0 the channel stays, and the table is not looked at.
    table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
    table = tf.where(step > 0, tf.minimum(table, 255), tf.range(256))
    return tf.gather(tf.cast(table, tf.uint8), channel)


def posterize(image: tf.Tensor, level: int) -> tf.Tensor:
    """Keep the highest bits, of which a level of 10 leaves four, and at least one."""
    shift = tf.constant(min(8 - int(level / 10 * 4), 7), tf.uint8)
    return tf.bitwise.left_shift(tf.bitwise.right_shift(image, shift), shift)


def solarize(image: tf.Tensor, level: int) -> tf.Tensor:
    """Invert values from a threshold on."""
    return tf.where(tf.cast(image, tf.int32) < int(level / 10 * 256), image, 255 - image)


def solarize_add(image: tf.Tensor, level: int) -> tf.Tensor:
    """Make values below 128 brighter."""
    brighter = tf.minimum(tf.cast(image, tf.int32) + int(level / 10 * 110), 255)
    return tf.where(image < 128, tf.cast(brighter, tf.uint8), image)


def fill_square(
    image: tf.Tensor, center: tf.Tensor, reach: int | tf.Tensor, color_value: int = GRAY
) -> tf.Tensor:
    """Fill a window with one value: `reach` (one, or height and width) to each side of a center."""
    height, width = (tf.range(tf.shape(image)[axis]) for axis in range(2))
    low, high = tf.unstack(center - reach), tf.unstack(center + reach)
    rows = (height >= low[0]) & (height < high[0])
    columns = (width >= low[1]) & (width < high[1])
    inside = rows[:, None, None] & columns[:, None]
    return tf.where(inside, tf.constant(color_value, tf.uint8), image)
