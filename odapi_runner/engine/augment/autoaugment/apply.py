"""AutoAugment: one sub-policy an image, its operations one after the other.

Source: object_detection/utils/autoaugment_utils.py, `distort_image_with_autoaugment`. TF2's Object
Detection API stops at it, for it needs tf.contrib; images are uint8 meanwhile, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from odapi_runner.engine.augment import draws
from odapi_runner.engine.augment.autoaugment import regions, tones, warps
from odapi_runner.engine.augment.autoaugment.policies import POLICIES, Operation
from odapi_runner.engine.augment.spec import AutoAugment
from odapi_runner.engine.records import Sample

_Picture = tuple[tf.Tensor, tf.Tensor]  # uint8 [height, width, 3], and boxes [n, 4]


def autoaugment(sample: Sample, step: AutoAugment, seed: tf.Tensor) -> Sample:
    """Apply one sub-policy of the step's policy, drawn evenly."""
    policy = POLICIES[step.policy]
    chosen, own_seed = draws.split(seed, 2)
    image = tf.ensure_shape(tf.saturate_cast(sample.image, tf.uint8), [None, None, 3])
    image, boxes = tf.switch_case(
        draws.integer(chosen, 0, len(policy)),
        [partial(_apply, (image, sample.boxes), operations, own_seed) for operations in policy],
    )
    return sample._replace(image=tf.cast(image, tf.float32), boxes=boxes)


def _apply(picture: _Picture, operations: tuple[Operation, ...], seed: tf.Tensor) -> _Picture:
    for place, (name, probability, level) in enumerate(operations):
        if not probability:
            continue
        own_seed = tf.random.experimental.stateless_fold_in(seed, place)
        drawn, own_seed = draws.split(own_seed, 2)
        image, boxes = picture
        if name in _BOXES_ONLY:
            change = partial(_BOXES_ONLY[name], level, own_seed)
            image = regions.change_boxes(image, boxes, probability, change, own_seed)
            picture = image, boxes
        else:
            picture = tf.cond(
                draws.happens(drawn, probability),
                partial(_OPERATIONS[name], image, boxes, level, own_seed),
                lambda picture=picture: picture,
            )
        picture = tf.ensure_shape(picture[0], [None, None, 3]), picture[1]
    return picture


def _in_place(change: Callable[[tf.Tensor, int], tf.Tensor]) -> Callable[..., _Picture]:
    """An operation that leaves boxes, and draws nothing."""
    return lambda image, boxes, level, _seed: (change(image, level), boxes)


def _either_way(level: int, greatest: float, seed: tf.Tensor) -> tf.Tensor:
    """The level's share of the greatest value, with a random sign."""
    value = level / 10 * greatest
    return tf.where(draws.happens(seed, 0.5), value, -value)


def _size(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(image)[:2], tf.float32)


def _rotate(image: tf.Tensor, boxes: tf.Tensor, level: int, seed: tf.Tensor) -> _Picture:
    degrees = _either_way(level, 30, seed)
    return warps.rotate(image, degrees), warps.rotate_boxes(boxes, _size(image), degrees)


def _translate(
    axis: int, image: tf.Tensor, boxes: tf.Tensor, level: int, seed: tf.Tensor
) -> _Picture:
    pixels = _either_way(level, 250, seed)
    moved = warps.translate_boxes(boxes, _size(image), pixels, axis)
    return warps.translate(image, pixels, axis), moved


def _shear(axis: int, image: tf.Tensor, boxes: tf.Tensor, level: int, seed: tf.Tensor) -> _Picture:
    by = _either_way(level, 0.3, seed)
    return warps.shear(image, by, axis), warps.shear_boxes(boxes, _size(image), by, axis)


def _cut_out(reach: int, image: tf.Tensor, level: int, seed: tf.Tensor) -> tf.Tensor:
    seeds = draws.split(seed, 2)
    center = [draws.integer(seeds[axis], 0, tf.shape(image)[axis]) for axis in range(2)]
    return tones.fill_square(image, tf.stack(center), int(level / 10 * reach))


_OPERATIONS: dict[str, Callable[[tf.Tensor, tf.Tensor, int, tf.Tensor], _Picture]] = {
    "AutoContrast": _in_place(lambda image, _: tones.autocontrast(image)),
    "Equalize": _in_place(lambda image, _: tones.equalize(image)),
    "Posterize": _in_place(tones.posterize),
    "Solarize": _in_place(tones.solarize),
    "SolarizeAdd": _in_place(tones.solarize_add),
    "Color": _in_place(tones.color),
    "Contrast": _in_place(tones.contrast),
    "Brightness": _in_place(tones.brightness),
    "Sharpness": _in_place(tones.sharpness),
    "Cutout": lambda image, boxes, level, seed: (_cut_out(100, image, level, seed), boxes),
    "BBox_Cutout": lambda image, boxes, level, seed: (
        regions.cut_out_of_box(image, boxes, level, seed),
        boxes,
    ),
    "Rotate_BBox": _rotate,
    "TranslateX_BBox": partial(_translate, 1),
    "TranslateY_BBox": partial(_translate, 0),
    "ShearX_BBox": partial(_shear, 1),
    "ShearY_BBox": partial(_shear, 0),
}

# Of a level, the operation's seed, a box's content and its seed the new content: moving and
# shearing draw their direction once for all boxes of an image, a cutout its place for each.
_BOXES_ONLY: dict[str, Callable[[int, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "TranslateY_Only_BBoxes": lambda level, seed, content, _: warps.translate(
        content, _either_way(level, 120, seed), 0
    ),
    "ShearX_Only_BBoxes": lambda level, seed, content, _: warps.shear(
        content, _either_way(level, 0.3, seed), 1
    ),
    "ShearY_Only_BBoxes": lambda level, seed, content, _: warps.shear(
        content, _either_way(level, 0.3, seed), 0
    ),
    "Flip_Only_BBoxes": lambda _level, _seed, content, _: tf.reverse(content, [1]),
    "Equalize_Only_BBoxes": lambda _level, _seed, content, _: tones.equalize(content),
    "Cutout_Only_BBoxes": lambda level, _seed, content, seed: _cut_out(50, content, level, seed),
}
