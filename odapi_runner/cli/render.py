"""`odapi render`: a preset and overrides become a pipeline.config."""

from __future__ import annotations

from pathlib import Path

import click

from odapi_runner.cli.options import delete_option, set_option, workspace_option


@click.command("render")
@click.option("--preset", required=True, metavar="NAME", help="One of `odapi presets`.")
@set_option
@delete_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write there instead of pipelines/NAME/pipeline.config; - prints.",
)
@workspace_option
def command(
    preset: str,
    overrides: tuple[str, ...],
    deletes: tuple[str, ...],
    out: str | None,
    workspace: str | None,
) -> None:
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
    if out == "-":
        click.echo(render(preset, overrides, deletes, place), nl=False)
        return
    path = write_rendered(preset, overrides, deletes, place, Path(out) if out else None)
    place.mark()
    click.echo(place.shown(path))
