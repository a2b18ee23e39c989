"""Options that several commands share, spelled the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

workspace_option = click.option(
    "-w",
    "--workspace",
    metavar="DIR",
    help="The workspace [default: $ODAPI_WORKSPACE, the nearest folder with odapi.toml, here].",
)

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How the table is printed.",
)


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

_delete_option = click.option(
    "-d", "--delete", "deletes", multiple=True, metavar="PATH", help="Leave out a field."
)

_patch_option = click.option(
    "--patch",
    "patches",
    multiple=True,
    metavar="FILE[:N[-M]]",
    help="Apply changes written down as config text below lines set and remove; of a notebook all "
    "experiments, or number N.",
)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command -s, -d and --patch; it gets `changes`, a `pipeline.overrides.Changes`."""

    @set_option
    @_delete_option
    @_patch_option
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
