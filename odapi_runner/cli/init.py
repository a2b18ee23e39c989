"""`odapi init`."""

from __future__ import annotations

from pathlib import Path

import click

from odapi_runner.workspace import MARKER, find_workspace


@click.command("init", short_help="Make a folder a workspace.")
@click.argument(
    "folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path()
)
def command(folder: Path) -> None:
    """Make DIR a workspace: data, pipelines and runs lie below it.

    DIR is the current folder where none is given. It need not exist; what is in it stays as it is.
    Commands that are called below it find it by its odapi.toml.

    \b
    Example:
      odapi init ~/kitti
    """
    place = find_workspace(folder, make=True)
    there = (place.root / MARKER).is_file()
    place.mark()
    click.echo(place.root)
    if there:
        click.echo("It has been a workspace before; nothing is changed.", err=True)
