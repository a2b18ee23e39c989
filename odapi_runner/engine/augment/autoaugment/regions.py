"""AutoAugment inside of boxes: the content of each box is changed by itself.

Source: object_detection/utils/autoaugment_utils.py, `_apply_multi_bbox_augmentation` and
`bbox_cutout`.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from odapi_runner.engine.augment import draws, window
from odapi_runner.engine.augment.autoaugment.tones import fill_square

# Of a box's content, uint8 [height, width, 3], and a seed the content to stand in its place.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def change_boxes(
    image: tf.Tensor, boxes: tf.Tensor, probability: float, change: Change, seed: tf.Tensor
) -> tf.Tensor:
    """Change the content of each box with a third of a probability, in random order."""
    order, drawn, own_seed = draws.split(seed, 3)
    count = tf.shape(boxes)[0]
    # One after the other, since boxes overlap: only those that are drawn.
    wanted = tf.random.stateless_uniform([count], drawn) < probability / 3
    chosen = tf.random.experimental.stateless_shuffle(tf.where(wanted)[:, 0], order)

    def body(place: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        box_seed = tf.random.experimental.stateless_fold_in(own_seed, place)
        box = boxes[chosen[place]]
        return place + 1, _changed(image, box, lambda content: change(content, box_seed))

    shapes = tf.TensorShape([]), tf.TensorShape([None, None, 3])
    _, image = tf.while_loop(
        lambda place, _: place < tf.size(chosen), body, (0, image), shape_invariants=shapes
    )
    return image


def _changed(
    image: tf.Tensor, box: tf.Tensor, change: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    size = tf.shape(image)[:2]
    # The pixels that a box begins and ends in, both included.
    corners = tf.cast(box * tf.tile(tf.cast(size, tf.float32), [2]), tf.int32)
    corners = tf.clip_by_value(corners, 0, tf.tile(size - 1, [2]))
    begin, end = corners[:2], corners[2:] + 1
    return window.paste(image, change(image[begin[0] : end[0], begin[1] : end[1]]), begin)


def cut_out_of_box(image: tf.Tensor, boxes: tf.Tensor, level: int, seed: tf.Tensor) -> tf.Tensor:
    """Fill a part of one box, drawn evenly, with grey; without boxes nothing happens."""
    chosen, *places = draws.split(seed, 3)

    def cut() -> tf.Tensor:
        box = tf.gather(boxes, draws.integer(chosen, 0, tf.shape(boxes)[0]))
        size = tf.cast(tf.shape(image)[:2], tf.float32)
        corners = tf.cast(box * tf.tile(size, [2]), tf.int32)
        begin, end = corners[:2], corners[2:] + 1
        reach = level / 10 * 0.75 * tf.cast(end - begin, tf.float32) / 2
        center = [draws.integer(places[axis], begin[axis], end[axis]) for axis in range(2)]
        return fill_square(image, tf.stack(center), tf.cast(reach, tf.int32))

    return tf.cond(tf.shape(boxes)[0] == 0, lambda: image, cut)
