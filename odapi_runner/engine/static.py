"""Batches of one shape, for a step that is compiled: another shape would be compiled anew.

What of a step cannot be compiled is refused here, by the reason.
"""

from __future__ import annotations

import tensorflow as tf

from odapi_runner.engine.input import Batch
from odapi_runner.engine.spec.pipeline import Spec
from odapi_runner.engine.spec.resizer import input_size
from odapi_runner.errors import ConfigError

_FIX = "Leave out --xla."


def refuse_uncompilable(spec: Spec) -> None:
    """Refuse what `--xla` cannot compile.

    Raises:
        ConfigError: the images are not of one size, or the loss picks examples.
    """
    if input_size(spec.model.resizer) is None:
        raise ConfigError(
            "--xla: the image_resizer gives images of many sizes, and each would be compiled anew",
            fix=f"{_FIX} Or use a fixed_shape_resizer, or pad_to_max_dimension.",
        )
    if spec.model.loss.hard_examples is not None:
        raise ConfigError(
            "--xla: model.ssd.loss.hard_example_miner picks as many anchors as it finds, and a "
            "compiled step has tensors of one size only",
            fix=_FIX,
        )


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
