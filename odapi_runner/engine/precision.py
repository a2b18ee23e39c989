"""What the network computes in, and the scale of the losses that float16 needs.

Losses, targets and weights are float32 in every precision, and so is what a checkpoint holds; the
Object Detection API casts the predictions in the same place.

Source: Micikevicius et al., Mixed Precision Training, sections 3.1 and 3.2; the figures and what
becomes of a step that is skipped are those of tf_keras/mixed_precision/loss_scale_optimizer.py;
object_detection/model_lib_v2.py, `_compute_losses_and_predictions_dicts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from odapi_runner.engine.keras import mixed_precision

FLOAT16 = "mixed_float16"
_FIRST_SCALE = 2.0**15
_LOWEST_SCALE = 1.0
_GROWS_AFTER = 2000  # steps


@contextmanager
def layers_of(precision: str) -> Iterator[None]:
    """Let the layers made inside the block compute in a precision of `training.PRECISIONS`.

    Each keeps it for good; what is made outside of the block is as ever.
    """
    before = mixed_precision.global_policy()
    mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        mixed_precision.set_global_policy(before)


class LossScale:
    """A factor on the losses that keeps small gradients above 0 in float16.

    Where it makes a gradient too large, the step is skipped and the factor halved; after 2000
    steps without that it is doubled.

    Attributes:
        skipped: how many steps were, since this process began.
    """

    def __init__(self) -> None:
        self._scale = tf.Variable(_FIRST_SCALE, trainable=False, name="loss_scale")
        self._finite_steps = tf.Variable(0, trainable=False, name="finite_steps")
        self.skipped = tf.Variable(0, trainable=False, name="skipped_steps")

    @property
    def scale(self) -> float:
        """The factor now."""
        return float(self._scale)

    @property
    def is_lowest(self) -> bool:
        """Whether halving it any further would change nothing."""
        return self.scale <= _LOWEST_SCALE

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """A loss, float32 [], as gradients are to be made of it."""
        return loss * self._scale

    def unscaled(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients of the loss itself."""
        return [one / self._scale for one in gradients]

    def apply(self, gradients: Sequence[tf.Tensor], update: Callable[[], None]) -> None:
        """Call `update` if all gradients are finite, and change the factor by that.

        A skipped step leaves weights, slots and averages as they are; it is a step all the same,
        for its images have been seen.
        """
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(one)) for one in gradients])

        def updated() -> tuple[tf.Tensor, tf.Tensor]:
            update()
            steps = self._finite_steps + 1
            grows = steps >= _GROWS_AFTER
            # Never beyond what float32 has.
            larger = tf.where(grows & (self._scale < 2.0**100), self._scale * 2, self._scale)
            return larger, tf.where(grows, 0, steps)

        def skipped() -> tuple[tf.Tensor, tf.Tensor]:
            self.skipped.assign_add(1)
            return tf.maximum(self._scale / 2, _LOWEST_SCALE), tf.constant(0)

        scale, steps = tf.cond(finite, updated, skipped)
        self._scale.assign(scale)
        self._finite_steps.assign(steps)

    def state(self) -> dict[str, Any]:
        """What a training goes on with."""
        return {"scale": self.scale, "finite_steps": int(self._finite_steps)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._scale.assign(state["scale"])
        self._finite_steps.assign(state["finite_steps"])
