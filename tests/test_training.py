"""The options of a training: written once, the same on every command line."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import click
import pytest
from click.testing import CliRunner

from odapi_runner.backends import ENGINES, refuse_others
from odapi_runner.errors import RunError
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import settings_of
from odapi_runner.training import TRAINER_OPTIONS, TrainerOptions

# Every field off its default.
CHANGED = TrainerOptions(
    checkpoint_every=5,
    keep=2,
    keep_every_hours=1.5,
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
    @settings_of(TrainerOptions)
    def command(**options: Any) -> None:
        seen.append(TrainerOptions(**options))

    defaults = TrainerOptions()
    for field in dataclasses.fields(TrainerOptions):
        assert getattr(CHANGED, field.name) != getattr(defaults, field.name)
    for options in (defaults, CHANGED):
        words = options.words(*TRAINER_OPTIONS)
        CliRunner().invoke(command, words, catch_exceptions=False)

    assert seen == [defaults, CHANGED]
    words = CHANGED.words(*TRAINER_OPTIONS)
    assert words[:2] == ["--checkpoint-every", "5"]
    assert words[-1] == "--xla"


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"best": "map"}, 'there is no metric "map". Did you mean "mAP"'),
        ({"early_stop": "mAP:patient=3"}, '"patient=3": there is no "patient". Did you mean'),
        ({"early_stop": "mAP:patience=soon"}, '"patience=soon": "soon" is not a number'),
        ({"early_stop": "mAP:patience=0"}, "patience is an evaluation at least"),
        ({"reduce_on_plateau": "loss_total:factor=2"}, "factor is a number between 0 and 1"),
        (
            {"reduce_on_plateau": "loss_total:cooldown=-1"},
            '"cooldown=-1": it is a number from 0 on',
        ),
        ({"on_oom": "pray"}, 'on_oom is "pray", not one of stop, halve-batch, accumulate'),
        ({"max_hours": 0}, "max_hours is 0, the least is 0.001"),
    ],
)
def test_policies_say_what_is_wrong_with_them(options: dict[str, Any], message: str) -> None:
    """A mistyped rule is no rule."""
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        RunOptions(**options)


def test_an_engine_refuses_what_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is asked for."""
    limited = dataclasses.replace(ENGINES["builtin"], options=frozenset({"seed"}))
    monkeypatch.setitem(ENGINES, "tf-models", limited)

    refuse_others(RunOptions(seed=3), "tf-models")
    with pytest.raises(RunError, match=r"^the engine tf-models has no --checkpoint-every"):
        refuse_others(RunOptions(seed=3, checkpoint_every=5, max_hours=2.0), "tf-models")
