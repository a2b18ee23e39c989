"""The options of a training: written once, the same on every command line."""

from __future__ import annotations

import dataclasses
from typing import Any

import click
import pytest
from click.testing import CliRunner

from odapi_runner.errors import RunError
from odapi_runner.training import TrainerOptions, trainer_options

# Every field off its default.
CHANGED = TrainerOptions(
    checkpoint_every=5,
    keep=2,
    seed=3,
    accumulate=4,
    workers=2,
    precision="mixed_float16",
    recompute=True,
    max_bad_images=0.5,
    xla=True,
)


def test_words_and_command_line_are_inverse() -> None:
    """What a run keeps reaches its trainer, whatever it is."""
    seen: list[TrainerOptions] = []

    @click.command()
    @trainer_options
    def command(**options: Any) -> None:
        seen.append(TrainerOptions(**options))

    defaults = TrainerOptions()
    for field in dataclasses.fields(TrainerOptions):
        assert getattr(CHANGED, field.name) != getattr(defaults, field.name)
    for options in (defaults, CHANGED):
        CliRunner().invoke(command, options.words(), catch_exceptions=False)

    assert seen == [defaults, CHANGED]
    assert CHANGED.words()[:2] == ["--checkpoint-every", "5"]
    assert CHANGED.words()[-1] == "--xla"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate is 0, the least is 1"),
        ({"seed": -1}, "seed is -1, the least is 0"),
        ({"max_bad_images": 1.5}, "max_bad_images is 1.5, not a share from 0 to 1"),
        (
            {"precision": "half"},
            'precision is "half", not one of float32, mixed_bfloat16, mixed_float16',
        ),
    ],
)
def test_a_call_with_a_value_that_is_none_is_a_mistake(
    options: dict[str, Any], message: str
) -> None:
    """A command line says it before; here it is a ValueError."""
    with pytest.raises(ValueError, match="^" + message):
        TrainerOptions(**options)


def test_an_engine_refuses_what_it_has_not() -> None:
    """Only what is asked for."""
    TrainerOptions(seed=3).refuse_others("tf-models", frozenset({"seed"}))
    with pytest.raises(RunError, match=r"^the engine tf-models has no --checkpoint-every"):
        CHANGED.refuse_others("tf-models", frozenset({"seed"}))
