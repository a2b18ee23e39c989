"""Augmentation steps as a config writes them, applied to images that a test paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from odapi_runner.engine.augment.apply import augment
from odapi_runner.engine.augment.read import read_augmentation
from odapi_runner.engine.augment.spec import Augmentation
from odapi_runner.engine.fields import Reader, Refusal, unread
from odapi_runner.engine.records import Sample
from odapi_runner.proto.text import parse_pipeline

# One step of each kind, with the options that its function cannot do without.
EVERY_STEP = {
    "normalize_image": "original_minval: 0 original_maxval: 255",
    "random_horizontal_flip": "",
    "random_pixel_value_scale": "",
    "random_image_scale": "",
    "random_rgb_to_gray": "",
    "random_adjust_brightness": "",
    "random_adjust_contrast": "",
    "random_adjust_hue": "",
    "random_adjust_saturation": "",
    "random_distort_color": "",
    "random_jitter_boxes": "",
    "random_crop_image": "min_object_covered: 0.5",
    "random_pad_image": "",
    "random_crop_pad_image": "min_object_covered: 0.5",
    "random_crop_to_aspect_ratio": "",
    "random_black_patches": "",
    "random_resize_method": "target_height: 80 target_width: 80",
    "scale_boxes_to_pixel_coordinates": "",
    "resize_image": "new_height: 80 new_width: 80",
    "subtract_channel_mean": "means: [10, 20, 30]",
    "ssd_random_crop": "",
    "ssd_random_crop_pad": "",
    "ssd_random_crop_fixed_aspect_ratio": "",
    "ssd_random_crop_pad_fixed_aspect_ratio": "",
    "random_vertical_flip": "",
    "random_rotation90": "",
    "rgb_to_gray": "",
    "random_absolute_pad_image": "max_height_padding: 30 max_width_padding: 30",
    "random_self_concat_image": "concat_vertical_probability: 0.5",
    "autoaugment_image": "policy_name: 'v1'",
    "drop_label_probabilistically": "label: 2 drop_probability: 0.5",
    "remap_labels": "original_labels: [1, 2] new_label: 3",
    "random_jpeg_quality": "",
    "random_downscale_to_target_pixels": "min_target_pixels: 5000 max_target_pixels: 9000",
    "random_patch_gaussian": "max_patch_size: 40",
    "random_square_crop_by_scale": "",
    "random_scale_crop_and_pad_to_square": "output_size: 96",
    "adjust_gamma": "gamma: 1.5",
    "convert_class_logits_to_softmax": "temperature: 2",
}

# Far from each other, and a class each.
COLORS = np.array(
    [[230, 30, 30], [30, 230, 30], [30, 30, 230], [230, 230, 30], [30, 230, 230], [230, 30, 230]],
    np.uint8,
)
HEIGHT, WIDTH = 120, 160
SCORES = 4  # scores of classes that a box has
# Two rows of three, apart from each other: (ymin, xmin, ymax, xmax) in pixels.
PLACES = np.array([[y, x, y + 30, x + 34] for y in (15, 75) for x in (12, 64, 116)])


def parsed(kind: str, options: str = "") -> Any:
    """The config that a step is in."""
    text = f"train_config {{ data_augmentation_options {{ {kind} {{ {options} }} }} }}"
    return parse_pipeline(text, "a test")


def read_step(kind: str, options: str = "") -> tuple[Augmentation, list[Refusal]]:
    """A step and all that is refused of it."""
    config = parsed(kind, options)
    reader = Reader(config)
    step = next(map(read_augmentation, reader.message("train_config").messages(OPTIONS)))
    return step, reader.notes.refusals + unread(config, reader.notes, {})


OPTIONS = "data_augmentation_options"


def build_step(kind: str, options: str | None = None) -> Augmentation:
    """A step that is honoured whole; without options as in `EVERY_STEP`."""
    step, refusals = read_step(kind, EVERY_STEP[kind] if options is None else options)
    assert refusals == []
    return step


def painted() -> Sample:
    """Six boxes on grey, each in the color of its class.

    Weights are eighths of class + 1, and the odd classes are ignored.
    """
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for (ymin, xmin, ymax, xmax), color in zip(PLACES, COLORS, strict=True):
        image[ymin:ymax, xmin:xmax] = color
    return of_image(image, PLACES / np.array([HEIGHT, WIDTH] * 2))


def of_image(image: np.ndarray, boxes: Sequence[Sequence[float]] | np.ndarray = ()) -> Sample:
    """An image, and boxes of the classes 0, 1, 2, … with weights and flags that tell them."""
    classes = np.arange(len(boxes), dtype=np.int32)
    return Sample(
        image=np.asarray(image),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=classes,
        weights=((classes + 1) / 8).astype(np.float32),
        ignored=classes % 2 == 1,
        scores=np.eye(SCORES, dtype=np.float32)[classes % SCORES],
    )


@cache
def _function(steps: tuple[Augmentation, ...], kind: tf.DType) -> Callable[..., Any]:
    """The steps as tf.data runs them: traced once for all sizes."""
    signature = [
        Sample(
            tf.TensorSpec([None, None, 3], kind),
            tf.TensorSpec([None, 4]),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None]),
            tf.TensorSpec([None], tf.bool),
            tf.TensorSpec([None, SCORES]),
        ),
        tf.TensorSpec([2], tf.int64),
    ]
    return tf.function(
        lambda sample, seed: augment(sample, steps, seed),
        input_signature=signature,
        autograph=False,
    )


def applied(
    steps: Augmentation | Sequence[Augmentation], sample: Sample, example: int = 0, seed: int = 1
) -> Sample:
    """What the steps make of a sample; all numpy."""
    several = tuple(steps) if isinstance(steps, Sequence) else (steps,)
    function = _function(several, tf.as_dtype(sample.image.dtype))
    changed = function(Sample(*map(tf.constant, sample)), tf.constant([seed, example], tf.int64))
    return Sample(*(tensor.numpy() for tensor in changed))


def draws(
    step: Augmentation, sample: Sample, measure: Callable[[Sample], Any], count: int = 300
) -> np.ndarray:
    """What a measure says of `count` examples."""
    return np.array([measure(applied(step, sample, example)) for example in range(count)])
