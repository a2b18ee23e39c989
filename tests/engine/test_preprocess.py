"""Images as the network wants them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.preprocess import denormalize, normalize, resize_and_pad
from odapi_runner.engine.spec import Resizer

PLAIN = (0.0, 0.0, 0.0)


def test_pixels_are_normalized_by_channel() -> None:
    """ImageNet's mean is 0; white is (1 - mean) / spread."""
    mean = [255 * value for value in (0.485, 0.456, 0.406)]
    found = normalize(tf.constant([mean, [255.0, 255.0, 255.0]])).numpy()

    assert found[0] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert found[1] == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225], rel=1e-5)


def test_denormalizing_is_for_looking_at() -> None:
    """The inverse, in 0..1."""
    pixels = np.array([[0.0, 100.0, 255.0]], np.float32)

    assert denormalize(normalize(tf.constant(pixels))).numpy() == pytest.approx(
        pixels / 255, abs=1e-6
    )
    assert denormalize(tf.constant([[-99.0, 0.0, 99.0]])).numpy()[0] == pytest.approx(
        [0.0, 0.456, 1.0]
    )


@pytest.mark.parametrize(
    ("shape_hw", "fitted_hw"),
    [
        ((40, 80), (64, 128)),  # landscape
        ((80, 40), (128, 64)),  # portrait
        ((375, 1242), (39, 128)),  # KITTI: 38.65
        ((256, 256), (128, 128)),
        ((128, 100), (128, 100)),
        ((1, 1000), (1, 128)),  # 0.128, but never nothing
    ],
)
def test_an_image_fits_into_the_square(
    shape_hw: tuple[int, int], fitted_hw: tuple[int, int]
) -> None:
    """The longer side is the square's, the other is rounded; padding is at bottom and right."""
    image, found_hw = resize_and_pad(tf.ones([*shape_hw, 3]), Resizer(128, PLAIN))

    height, width = fitted_hw
    assert tuple(found_hw.numpy()) == fitted_hw
    assert image.shape == (128, 128, 3)
    assert np.all(image[:height, :width] == 1)
    assert not np.any(image[height:])
    assert not np.any(image[:, width:])


def test_sampling_has_no_half_pixel_centres() -> None:
    """Of two pixels, 0 and 8, four are 0, 4, 8, 8 in TF1; half-pixel centres give 0, 2, 6, 8."""
    image = tf.constant([[[0.0] * 3, [8.0] * 3]])

    fitted, shape_hw = resize_and_pad(image, Resizer(4, PLAIN))

    assert shape_hw.numpy().tolist() == [2, 4]
    assert fitted[:, :, 0].numpy().tolist() == [[0, 4, 8, 8], [0, 4, 8, 8], [0] * 4, [0] * 4]


def test_padding_has_its_value_by_channel() -> None:
    """Exactly, whatever the image holds."""
    value = (0.1, -123.68, 7.0)
    padded, _ = resize_and_pad(tf.fill([2, 4, 3], 1e6), Resizer(4, value))

    assert np.all(padded[:2] == 1e6)
    assert np.all(padded[2:] == np.array(value, np.float32))
