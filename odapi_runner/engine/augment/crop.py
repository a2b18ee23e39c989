"""Random crops, alone and followed by a crop to an aspect ratio.

Source: object_detection/core/preprocessor.py, `_strict_random_crop_image`, `random_crop_image`,
`random_crop_to_aspect_ratio`, `ssd_random_crop`, `ssd_random_crop_fixed_aspect_ratio`.
"""

from __future__ import annotations

from functools import partial

import tensorflow as tf

from odapi_runner.engine import boxes
from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.spec import (
    Crop,
    CropFixedAspectRatio,
    CropImage,
    CropToAspectRatio,
)
from odapi_runner.engine.records import Sample

_ATTEMPTS = 100


def crop_image(sample: Sample, step: CropImage, seed: tf.Tensor) -> Sample:
    """Crop by one of the operations, drawn evenly; unless its `random_coef` says no."""
    chosen, own_seed = draws.split(seed, 2)
    operation = draws.integer(chosen, 0, len(step.operations))
    return crop_by(sample, step.operations, operation, own_seed)


def crop_by(
    sample: Sample, operations: tuple[Crop, ...], operation: tf.Tensor, seed: tf.Tensor
) -> Sample:
    """Crop by the operation of a number, int32 []; unless its `random_coef` says no."""
    skipped, sampled = draws.split(seed, 2)

    def of_operation(name: str) -> tf.Tensor:
        return tf.gather([getattr(one, name) for one in operations], operation)

    def cropped() -> Sample:
        begin, size = tf.switch_case(
            operation, [partial(_sample_window, sample, one, sampled) for one in operations]
        )
        view = window.normalized(begin, begin + size, window.size_of(sample.image))
        inside = boxes.touches(sample.boxes, tf.unstack(view))
        inside &= window.covered(sample, view) >= of_operation("overlap_threshold")
        return _clipped(
            window.crop(window.keep(sample, inside), begin, size), of_operation("clip_boxes")
        )

    as_it_is = sample._replace(image=tf.ensure_shape(sample.image, [None, None, 3]))
    return tf.cond(draws.happens(skipped, of_operation("random_coef")), lambda: as_it_is, cropped)


def crop_fixed_aspect_ratio(sample: Sample, step: CropFixedAspectRatio, seed: tf.Tensor) -> Sample:
    """Crop by an operation, then to the aspect ratio, with the defaults of that."""
    first, second = draws.split(seed, 2)
    sample = crop_image(sample, CropImage(step.operations), first)
    # Boxes are clipped whatever the operations say: a list of them is true, even of falses.
    return crop_to_aspect_ratio(sample, CropToAspectRatio(step.aspect_ratio, 0.3, True), second)


def crop_to_aspect_ratio(sample: Sample, step: CropToAspectRatio, seed: tf.Tensor) -> Sample:
    """The largest window of an aspect ratio (width / height), at a random place."""
    size = window.size_of(sample.image)
    height, width = tf.unstack(tf.cast(size, tf.float32))
    target = tf.stack([width / step.aspect_ratio, height * step.aspect_ratio])
    target = tf.clip_by_value(tf.cast(tf.round(target), tf.int32), 1, size)
    seeds = draws.split(seed, 2)
    begin = tf.stack(
        [draws.integer(seeds[axis], 0, size[axis] - target[axis] + 1) for axis in range(2)]
    )
    view = window.normalized(begin, begin + target, size)
    sample = window.keep(sample, window.covered(sample, view) >= step.overlap_threshold)
    sample = window.crop(sample, begin, target)
    if not step.clip_boxes:
        return sample
    sample = _clipped(sample, True)
    # At a threshold of 0 a box beside the window came so far, and has no area now.
    return window.keep(sample, boxes.areas(sample.boxes) > 0)


def _sample_window(sample: Sample, crop: Crop, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where a crop begins and its size, int32 [2]; the whole image where no attempt succeeds."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(sample.image),
        boxes.clip(sample.boxes, boxes.IDENTITY_WINDOW)[:, None],
        seed,
        min_object_covered=crop.min_object_covered,
        aspect_ratio_range=crop.aspect_ratio,
        area_range=crop.area,
        max_attempts=_ATTEMPTS,
        use_image_if_no_bounding_boxes=True,
    )
    return begin[:2], size[:2]


def _clipped(sample: Sample, wanted: bool | tf.Tensor) -> Sample:
    clipped = boxes.clip(sample.boxes, boxes.IDENTITY_WINDOW)
    return sample._replace(boxes=tf.where(wanted, clipped, sample.boxes))
