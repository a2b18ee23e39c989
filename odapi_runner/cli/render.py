"""`odapi render`: a preset and overrides become a pipeline.config."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odapi_runner.cli.options import change_options, workspace_option

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.pipeline.overrides import Changes


@click.command("render")
@click.option("--preset", required=True, metavar="NAME", help="One of `odapi presets`.")
@change_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write there instead of pipelines/NAME/pipeline.config; - prints.",
)
@workspace_option
def command(*, preset: str, changes: Changes, out: str | None, workspace: str | None) -> None:
    """Render a preset into pipelines/NAME/pipeline.config and print the path.

    \b
    Example:
      odapi render --preset kitti-d0 -s batch_size=8
      odapi render --preset kitti-d0 -s train_config.gradient_clipping_by_norm=10 --out -
    """
    from odapi_runner.pipeline.render import render
    from odapi_runner.pipeline.rendered import write_rendered
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    say = functools.partial(click.echo, err=True)
    if out == "-":
        click.echo(render(preset, changes, place, say), nl=False)
        return
    path = write_rendered(preset, changes, place, Path(out) if out else None, say)
    place.mark()
    click.echo(place.shown(path))
