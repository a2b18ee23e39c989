"""Options that several commands share, spelled the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
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

set_option = click.option(
    "-s",
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set a field by its full path, or by a word that moves what depends on it: num_classes, "
    "batch_size, num_steps, learning_rate, image_size, fine_tune_checkpoint, label_map, "
    "train_records, eval_records.",
)

_delete_option = click.option(
    "-d", "--delete", "deletes", multiple=True, metavar="PATH", help="Leave out a field."
)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command -s and -d; it is called with `changes`, a `pipeline.overrides.Changes`."""

    @set_option
    @_delete_option
    @functools.wraps(command)
    def with_changes(
        *, overrides: tuple[str, ...], deletes: tuple[str, ...], **options: Any
    ) -> None:
        from odapi_runner.pipeline.overrides import Changes

        command(changes=Changes(overrides, deletes), **options)

    return with_changes
