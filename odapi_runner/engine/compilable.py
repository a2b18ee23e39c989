"""What of a step `--xla` cannot compile; no TensorFlow, so that it is said before a start."""

from __future__ import annotations

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
