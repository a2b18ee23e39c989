"""What the engines have, and what is refused before they are asked."""

from __future__ import annotations

import pytest

from odapi_runner.backends import ENGINES, refuse_others
from odapi_runner.errors import RunError
from odapi_runner.runs.options import RunOptions


@pytest.mark.parametrize("engine", ["automl", "tf-models"])
def test_summing_up_batches_later_is_refused_with_summing_them_up_now(engine: str) -> None:
    """`--on-oom accumulate` would set an option that the engine ignores: half the batch at once."""
    with pytest.raises(RunError, match="has no --on-oom accumulate") as raised:
        refuse_others(RunOptions(on_oom="accumulate"), engine)

    assert raised.value.what == (
        f"the engine {engine} has no --on-oom accumulate: it cannot sum up batches"
    )
    assert raised.value.fix == "--on-oom halve-batch, or train with --engine builtin."
    assert "accumulate" not in ENGINES[engine].options
    refuse_others(RunOptions(on_oom="halve-batch"), engine)
    refuse_others(RunOptions(on_oom="accumulate"), "builtin")


@pytest.mark.parametrize("engine", ["automl", "tf-models"])
def test_another_program_takes_memory_of_a_gpu_as_it_needs_it(engine: str) -> None:
    """TensorFlow takes all of it otherwise, and nobody else has any."""
    environment = ENGINES[engine].trainer_environment(RunOptions())

    assert environment == {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
