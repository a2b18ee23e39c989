"""Batches of one shape, for a step that is compiled: another shape would be compiled anew."""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.input import Batch


def fixed_boxes(element_spec: Batch, boxes: int) -> Batch:
    """The shapes of batches that are all padded to `boxes` boxes."""
    return Batch(
        *(
            tf.TensorSpec([boxes if size is None else size for size in one.shape], one.dtype)
            for one in element_spec
        )
    )


def pad_boxes(batch: Batch, element_spec: Batch | None) -> Batch:
    """A batch with as many boxes as `fixed_boxes` says; what is added is 0, as all padding."""

    def padded(one: tf.Tensor, size: tf.TensorShape) -> tf.Tensor:
        missing = [[0, wanted - there] for wanted, there in zip(size, one.shape, strict=True)]
        return tf.pad(one, missing)

    if element_spec is None:
        return batch
    pairs = zip(batch, element_spec, strict=True)
    return Batch(*(padded(one, spec.shape) for one, spec in pairs))
