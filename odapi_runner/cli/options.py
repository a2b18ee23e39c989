"""Options that several commands share, spelled the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import checked, settings_of

workspace_option = click.option(
    "-w",
    "--workspace",
    metavar="DIR",
    help="The workspace [default: $ODAPI_WORKSPACE, the nearest folder with odapi.toml, here].",
)


def _build_format_option(*formats: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How the table is printed.",
    )


format_option = _build_format_option("table", "csv", "json", "markdown")
paper_format_option = _build_format_option("table", "csv", "json", "markdown", "latex")


def _overrides(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what has not the form of an override, which is wrong usage."""
    if values:
        from odapi_runner.pipeline.overrides import is_override

        for value in values:
            if not is_override(value):
                raise click.BadParameter(f'"{value}" is not PATH=VALUE, as in batch_size=8.')
    return values


set_option = click.option(
    "-s",
    "--set",
    "overrides",
    multiple=True,
    callback=_overrides,
    metavar="PATH=VALUE",
    help="Set a field by its full path, or by a word that moves what depends on it: num_classes, "
    "batch_size, num_steps, learning_rate, image_size, fine_tune_checkpoint, label_map, "
    "train_records, eval_records. PATH+=VALUE appends to a list; LIST[2] and LIST[WHAT_IT_HOLDS] "
    "are elements of one; a message is { config text }.",
)

foreground_option = click.option(
    "--foreground", is_flag=True, help="Stay, and show the log; Ctrl-C saves and stops."
)

after_option = click.option(
    "--after",
    multiple=True,
    metavar="RUN",
    help="Start it, in the queue, when that run has ended, however it ends.",
)

delete_option = click.option(
    "-d", "--delete", "deletes", multiple=True, metavar="PATH", help="Leave out a field."
)

patch_option = click.option(
    "--patch",
    "patches",
    multiple=True,
    metavar="FILE[:N[-M]]",
    help="Apply changes written down as config text below lines set and remove; of a notebook all "
    "experiments, or number N.",
)


def _parse_gpu(value: str) -> object:
    from odapi_runner.runs.gpus import gpu_numbers

    return gpu_numbers(value)


def gpu_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command --gpu; without it, it gets None.

    Args:
        default: what that means, in words.
    """
    return click.option(
        "--gpu",
        metavar="N[,N…]|auto|all|none",
        callback=checked(_parse_gpu),
        help="Train on the GPUs of these numbers, which share each batch, on one that nobody uses "
        "[auto], or on the CPU [none]. "
        f"[default: {default}]",
    )


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what says how to train: those of `runs.plan.plan_training`."""
    options = (
        click.option(
            "--engine",
            type=click.Choice(["auto", "builtin", "tf-models", "automl"]),
            default="auto",
            show_default=True,
        ),
        set_option,
        click.option("--num-steps", type=click.IntRange(min=1), help="Short for -s num_steps=N."),
        settings_of(RunOptions),
        click.option(
            "--from",
            "start_from",
            metavar="RUN[@best|@STEP]",
            help="Begin with all weights of another run: its newest checkpoint, its best one, or "
            "that of a step. Without a NAME it is that run's config that is trained.",
        ),
        click.option(
            "--from-scratch", is_flag=True, help="Leave out the config's fine_tune_checkpoint."
        ),
        click.option(
            "--eval",
            "evaluate",
            type=click.Choice(["cpu", "none"]),
            default="cpu",
            show_default=True,
            callback=lambda _, __, value: value == "cpu",
            help="Evaluate every checkpoint on the CPU, beside the training.",
        ),
        after_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command -s, -d and --patch; it gets `changes`, a `pipeline.overrides.Changes`."""

    @set_option
    @delete_option
    @patch_option
    @functools.wraps(command)
    def with_changes(
        *,
        overrides: tuple[str, ...],
        deletes: tuple[str, ...],
        patches: tuple[str, ...],
        **options: Any,
    ) -> None:
        from odapi_runner.pipeline.overrides import Changes

        command(changes=Changes(overrides, deletes, tuple(map(Path, patches))), **options)

    return with_changes
