"""What a trainer is told beside its config, since the config language has no field for it.

Written once, here: the options of `odapi train`, those of the trainer's own command line and what
run.json keeps are made of the fields of `TrainerOptions`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import click

from odapi_runner.errors import RunError

Command = TypeVar("Command", bound=Callable[..., Any])

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
PRECISIONS = (FLOAT32, BFLOAT16, "mixed_float16")
_KEY = "option"


@dataclasses.dataclass(frozen=True, slots=True)
class _Option:
    """What a command line says of a field beside its name and its default."""

    help: str | None
    minimum: int | None = None
    share: bool = False  # a number from 0 to 1
    choices: tuple[str, ...] = ()


def _field(default: Any, help_: str | None, **more: Any) -> Any:
    return dataclasses.field(default=default, metadata={_KEY: _Option(help_, **more)})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainerOptions:
    """How a trainer works.

    Raises:
        ValueError: a number is too small, or a word none of the known ones.
    """

    checkpoint_every: int = _field(1000, "Save, and so evaluate, every N steps.", minimum=1)
    keep: int = _field(7, "Keep the N newest checkpoints.", minimum=1)
    seed: int = _field(0, "Of the weights, the order of the data, and augmentation.", minimum=0)
    accumulate: int = _field(
        1,
        "Sum up N batches of the config's batch_size for each step, as N devices would, in the "
        "memory of one: a step sees N times the images. Neither num_steps nor the learning rate "
        "is changed for it: divide the one, multiply the other by N for what -s batch_size=… does.",
        minimum=1,
    )
    workers: int = _field(
        1,
        "Train together with N - 1 other machines, which TF_CONFIG names on each of them.",
        minimum=1,
    )
    precision: str = _field(
        FLOAT32,
        "What the network computes in; weights, losses and checkpoints stay float32. Half the "
        "memory and faster on GPUs that have it (bfloat16: from Ampere on), slower on a CPU.",
        choices=PRECISIONS,
    )
    recompute: bool = _field(
        False,
        "Forget what is inside of the network's blocks, and compute it again for their gradients: "
        "less memory for more time, the same training.",
    )
    max_bad_images: float = _field(
        0.01,
        "Go on without images that cannot be decoded as long as they are no larger a share of all, "
        "0 to 1: each is named, the next one of the same data takes its place. 0 takes none.",
        share=True,
    )
    xla: bool = _field(
        False,
        "Compile the step for the device: on a GPU faster after a start of minutes; not for a CPU.",
    )

    def __post_init__(self) -> None:
        for name, option in _options():
            value = getattr(self, name)
            if option.minimum is not None and value < option.minimum:
                raise ValueError(f"{name} is {value}, the least is {option.minimum}")
            if option.share and not 0 <= value <= 1:
                raise ValueError(f"{name} is {value:g}, not a share from 0 to 1")
            if option.choices and value not in option.choices:
                raise ValueError(f'{name} is "{value}", not one of {", ".join(option.choices)}')

    def words(self, *names: str) -> list[str]:
        """The options as a trainer's command line has them: those of some names, or all."""
        words: list[str] = []
        for name in names or [name for name, _ in _options()]:
            value = getattr(self, name)
            if value is not False:
                words += [_spelled(name)] if value is True else [_spelled(name), str(value)]
        return words

    def refuse_others(self, engine: str, honoured: frozenset[str]) -> None:
        """Refuse what an engine has not.

        Raises:
            RunError: an option that is none of `honoured` is not as it is by default.
        """
        defaults = TrainerOptions()
        for name, _ in _options():
            if name not in honoured and getattr(self, name) != getattr(defaults, name):
                raise RunError(
                    f"the engine {engine} has no {_spelled(name)}",
                    fix="Leave it out, or train with --engine builtin.",
                )


# The names of all of them: what an engine honours that honours everything.
ALL = frozenset(field.name for field in dataclasses.fields(TrainerOptions))


def trainer_options(command: Command) -> Command:
    """Give a click command an option for each field of `TrainerOptions`."""
    for name, _ in reversed(_options()):
        command = trainer_option(name)(command)
    return command


def trainer_option(name: str) -> Callable[[Command], Command]:
    """What gives a click command the option of one field of `TrainerOptions`."""
    option = dict(_options())[name]
    made: dict[str, Any] = {"help": option.help, "default": getattr(TrainerOptions(), name)}
    if option.choices:
        made |= {"type": click.Choice(option.choices), "show_default": True}
    elif option.share:
        made |= {"type": click.FloatRange(0, 1), "show_default": True, "metavar": "SHARE"}
    elif option.minimum is None:
        made |= {"is_flag": True}
    else:
        number = click.IntRange(min=option.minimum)
        made |= {"type": number, "show_default": True, "metavar": "N"}
    return click.option(_spelled(name), **made)


def _options() -> list[tuple[str, _Option]]:
    fields = dataclasses.fields(TrainerOptions)
    return [(field.name, field.metadata[_KEY]) for field in fields]


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"
