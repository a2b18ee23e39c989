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
    "--as-published",
    is_flag=True,
    help="Without odapi's defaults: the sample config of the Object Detection API, but for paths.",
)
@click.option("--absolute", is_flag=True, help="Write absolute paths, for use elsewhere.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write there instead of pipelines/NAME/pipeline.config; - prints.",
)
@click.option(
    "--force", is_flag=True, help="Replace a file that was edited, too; it is kept as FILE.bak."
)
@workspace_option
def command(
    *,
    preset: str,
    changes: Changes,
    as_published: bool,
    absolute: bool,
    out: str | None,
    force: bool,
    workspace: str | None,
) -> None:
    """Render a preset into pipelines/NAME/pipeline.config and print the path.

    A file that was edited after it was rendered is not replaced without --force.

    \b
    Example:
      odapi render --preset kitti-d0 -s batch_size=8
      odapi render --preset kitti-d0 -s train_config.gradient_clipping_by_norm=10 --out -
      odapi render --preset ssd-resnet50-fpn-640 --as-published --out published.config
    """
    from odapi_runner.pipeline.render import render
    from odapi_runner.pipeline.rendered import write_rendered
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace, make=out != "-")
    if not place.root.exists():  # which a mistyped -w makes
        click.echo(f"A new workspace: {place.root}", err=True)
    say = functools.partial(click.echo, err=True)
    form = {"as_published": as_published, "absolute": absolute}
    if out == "-":
        click.echo(render(preset, changes, place, say, **form), nl=False)
        return
    target = Path(out) if out else None
    path = write_rendered(preset, changes, place, target, say, **form, force=force)
    place.mark()
    click.echo(place.shown(path))
