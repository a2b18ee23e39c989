"""Numbers beyond all numbers: what ends a training, and what it gets over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from odapi_runner.engine.detector import TOTAL
from odapi_runner.engine.log import log
from odapi_runner.engine.precision import LossScale
from odapi_runner.errors import DISK_FULL, FREE_SOME_SPACE, RunError
from odapi_runner.formats.runlog import EventLog


class NotFiniteError(RunError):
    """A loss that is not finite."""


class OutOfMemoryError(RunError):
    """A step that needs more memory than there is."""


@contextmanager
def naming_memory(images: int) -> Iterator[None]:
    """Say in words that the memory does not suffice for a batch of so many images.

    Raises:
        OutOfMemoryError: for TensorFlow's own error, and Python's.
        RunError: it is the disk that is full.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        if re.search(DISK_FULL, str(error)):  # TensorFlow calls a full disk so, too
            told = re.sub(r"\{\{.*?\}\} ", "", str(error)).partition(" [Op:")[0]
            raise RunError(f"a file cannot be written: {told}", fix=FREE_SOME_SPACE) from error
        where = "GPU" if tf.config.list_logical_devices("GPU") else "machine"
        raise OutOfMemoryError(
            f"the memory of the {where} does not suffice for batches of {images} images",
            fix="Take a smaller batch (-s batch_size=…), --recompute, or --on-oom accumulate; what "
            "a config needs: odapi estimate CONFIG",
        ) from error


def check_finite(step: int, losses: Mapping[str, tf.Tensor], saved_step: int | None) -> None:
    """See that the losses of a step, by tag, have a finite sum.

    Raises:
        NotFiniteError: they have not.
    """
    if np.isfinite(losses[TOTAL]):
        return
    shown = ", ".join(f"{tag} {float(value):g}" for tag, value in losses.items())
    raise NotFiniteError(
        f"the loss of step {step} is not finite ({shown}); "
        f"the last checkpoint is of step {saved_step}",
        fix="Lower the learning rate (-s learning_rate=…), or lengthen the warm-up.",
    )


class SkippedSteps:
    """Tells of the steps of float16 that left the weights as they were."""

    def __init__(self, scale: LossScale | None, events: EventLog) -> None:
        """Begin with none; without a scale there will be none."""
        self._scale, self._events = scale, events
        self._told = 0
        self._was_lowest = scale is not None and scale.is_lowest

    def look(self, step: int) -> None:
        """Say so if it was skipped.

        Raises:
            RunError: it will be so at every further step, for the scale was at its lowest.
        """
        scale = self._scale
        if scale is None:
            return
        was_lowest, self._was_lowest = self._was_lowest, scale.is_lowest
        if int(scale.skipped) == self._told:
            return
        self._told = int(scale.skipped)
        self._events.write("skipped_step", step=step, loss_scale=scale.scale)
        log(f"Step {step} skipped: gradients beyond float16; the loss scale is {scale.scale:g} now")
        if was_lowest:
            raise RunError(
                f"the gradients of step {step} are beyond float16, however the loss is scaled",
                fix="Train with --precision mixed_bfloat16, or lower the learning rate.",
            )
