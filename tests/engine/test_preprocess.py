"""Images as the network wants them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from odapi_runner.engine.preprocess import (
    IMAGENET,
    SYMMETRIC,
    VGG_MEANS,
    Normalization,
    denormalize,
    normalize,
    resize,
)
from odapi_runner.engine.spec.resizer import (
    ConditionalShape,
    FixedShape,
    KeepAspect,
    PadToMultiple,
    Resizer,
)

PLAIN = (0.0, 0.0, 0.0)


def square(size: int, pad_value: tuple[float, float, float] = PLAIN) -> KeepAspect:
    return KeepAspect(size, size, pad_value)


def test_pixels_are_normalized_by_channel() -> None:
    """ImageNet's mean is 0; white is (1 - mean) / spread."""
    mean = [255 * value for value in (0.485, 0.456, 0.406)]
    found = normalize(tf.constant([mean, [255.0, 255.0, 255.0]]), IMAGENET).numpy()

    assert found[0] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert found[1] == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225], rel=1e-5)


@pytest.mark.parametrize(
    ("by", "black", "white"),
    [
        (SYMMETRIC, [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]),
        (VGG_MEANS, [-123.68, -116.779, -103.939], [131.32, 138.221, 151.061]),
    ],
)
def test_mobilenets_and_resnets_have_their_own(
    by: Normalization, black: list[float], white: list[float]
) -> None:
    """-1 to 1, or the means of VGG taken off."""
    found = normalize(tf.constant([[0.0] * 3, [255.0] * 3]), by).numpy()

    assert found.tolist() == [pytest.approx(black, abs=1e-4), pytest.approx(white, abs=1e-4)]


@pytest.mark.parametrize("by", [IMAGENET, SYMMETRIC, VGG_MEANS])
def test_denormalizing_is_for_looking_at(by: Normalization) -> None:
    """The inverse, in 0..1."""
    pixels = np.array([[0.0, 100.0, 255.0]], np.float32)

    assert denormalize(normalize(tf.constant(pixels), by), by).numpy() == pytest.approx(
        pixels / 255, abs=1e-6
    )
    assert denormalize(tf.constant([[-999.0, 0.0, 999.0]]), IMAGENET).numpy()[0] == pytest.approx(
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
    image, found_hw = resize(tf.ones([*shape_hw, 3]), square(128))

    height, width = fitted_hw
    assert tuple(found_hw.numpy()) == fitted_hw
    assert image.shape == (128, 128, 3)
    assert np.all(image[:height, :width] == 1)
    assert not np.any(image[height:])
    assert not np.any(image[:, width:])


@pytest.mark.parametrize(
    ("spec", "shape_hw", "size_hw", "true_hw"),
    [
        (FixedShape(30, 50), (10, 10), (30, 50), (30, 50)),
        (KeepAspect(60, 100, None), (30, 40), (60, 80), (60, 80)),  # the shorter side decides
        (KeepAspect(60, 100, None), (80, 20), (100, 25), (100, 25)),  # the longer one
        (KeepAspect(60, 100, PLAIN), (30, 40), (100, 100), (60, 80)),
        (ConditionalShape(50, shrink=True), (40, 100), (20, 50), (20, 50)),
        (ConditionalShape(50, shrink=True), (40, 30), (40, 30), (40, 30)),
        (ConditionalShape(50, shrink=True), (33, 100), (16, 50), (16, 50)),  # 16.5 is cut
        (ConditionalShape(50, shrink=False), (40, 100), (50, 125), (50, 125)),
        (ConditionalShape(50, shrink=False), (60, 51), (60, 51), (60, 51)),
        (PadToMultiple(1), (33, 47), (33, 47), (33, 47)),
        (PadToMultiple(32), (33, 64), (64, 64), (33, 64)),
    ],
)
def test_the_other_resizers(
    spec: Resizer, shape_hw: tuple[int, int], size_hw: tuple[int, int], true_hw: tuple[int, int]
) -> None:
    """The size of the input and of the image in it; what the image does not fill is 0."""
    image, found_hw = resize(tf.ones([*shape_hw, 3]), spec)

    assert image.shape == (*size_hw, 3)
    assert tuple(found_hw.numpy()) == true_hw
    assert np.all(image[: true_hw[0], : true_hw[1]] == 1)
    assert float(tf.reduce_sum(image)) == 3 * true_hw[0] * true_hw[1]


@pytest.mark.parametrize(
    ("method", "row"),
    [
        ("BILINEAR", [0, 4, 8, 8]),
        ("NEAREST_NEIGHBOR", [0, 0, 8, 8]),
        ("BICUBIC", [0, 4, 8, 8.75]),
        ("AREA", [0, 0, 8, 8]),
    ],
)
def test_sampling_has_no_half_pixel_centres(method: str, row: list[float]) -> None:
    """Of two pixels, 0 and 8, four are 0, 4, 8, 8 in TF1; half-pixel centres give 0, 2, 6, 8."""
    image = tf.constant([[[0.0] * 3, [8.0] * 3]])

    fitted, _ = resize(image, FixedShape(1, 4, method))

    assert fitted[0, :, 0].numpy().tolist() == pytest.approx(row)


def test_a_conditional_resizer_aligns_the_corners() -> None:
    """The first and the last pixel stay what they are; the others lie evenly between them."""
    image = tf.constant([[[0.0] * 3, [9.0] * 3]] * 2)

    fitted, _ = resize(image, ConditionalShape(4, shrink=False))

    assert fitted[0, :, 0].numpy().tolist() == pytest.approx([0, 3, 6, 9])


def test_padding_has_its_value_by_channel() -> None:
    """Exactly, whatever the image holds."""
    value = (0.1, -123.68, 7.0)
    padded, _ = resize(tf.fill([2, 4, 3], 1e6), square(4, value))

    assert np.all(padded[:2] == 1e6)
    assert np.all(padded[2:] == np.array(value, np.float32))


@pytest.mark.parametrize(
    "spec",
    [
        FixedShape(30, 20),
        FixedShape(30, 20, "NEAREST_NEIGHBOR"),
        FixedShape(90, 20, "BICUBIC"),
        square(50),
        square(50, (1.0, 2.0, 3.0)),
        ConditionalShape(70, shrink=False),
        PadToMultiple(32),
    ],
    ids=str,
)
def test_the_order_of_resizing_and_normalising_does_not_count(spec: Resizer) -> None:
    """The Object Detection API normalises first; the values are the same to rounding."""
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    last, shape_hw = resize(tf.constant(image), spec, IMAGENET)
    first, expected_hw = resize(normalize(tf.constant(image, tf.float32), IMAGENET), spec)

    assert shape_hw.numpy().tolist() == expected_hw.numpy().tolist()
    assert last.dtype == tf.float32
    assert last.numpy() == pytest.approx(first.numpy(), abs=5e-6)
