"""`odapi diff`: what two configs, presets or runs differ in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import format_option, workspace_option

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.proto.differences import Difference


@click.command("diff")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option(
    "--semantic",
    is_flag=True,
    help="Leave out what has no effect on training: fields that TF2 never reads, the order of "
    "record files, another spelling of a path.",
)
@click.option(
    "--as-published",
    is_flag=True,
    help="Take the name of a preset for what was published, without odapi's defaults.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where there is a difference.")
@format_option
@workspace_option
@click.pass_context
def command(
    context: click.Context,
    one: str,
    other: str,
    semantic: bool,
    as_published: bool,
    exit_code: bool,
    output_format: str,
    workspace: str | None,
) -> None:
    """Show in which fields two configs differ; what is not set has its default.

    A and B are configs, or names of runs, of rendered pipelines or of presets. Augmentations and
    other repeated messages are matched by what they hold, wherever they stand. Two runs are
    compared by their options, versions and files as well.

    \b
    Example:
      odapi diff published.config my.config
      odapi diff efficientdet-d0 my.config --as-published
      odapi diff kitti-d0 kitti-d0-2 --semantic --format markdown
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.runs.diff import diff
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    found = diff(one, other, semantic=semantic, as_published=as_published, workspace=place)
    for given, side in zip((one, other), found.sides, strict=True):
        if not Path(given).is_file():
            click.echo(f"{given}: {side}", err=True)
    if found.differences or output_format in {"csv", "json"}:
        print_table(*_table(one, other, found.differences, output_format), output_format)
    else:
        click.echo("no difference", err=True)
    context.exit(int(exit_code and bool(found.differences)))


def _table(
    one: str, other: str, differences: Sequence[Difference], output_format: str
) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: for people as the configs would say it, for programs value by value."""
    from odapi_runner.cli.differences import shown_values
    from odapi_runner.proto.differences import joined
    from odapi_runner.report.names import shorten

    rows: list[list[Any]]
    if output_format in {"table", "markdown"}:
        rows = [[each.path, *shown_values(each)] for each in differences]
        return ["field", *shorten([one, other], "/")], rows
    plain = tuple if output_format == "json" else partial(map, joined)
    rows = [[each.path, *plain(each.values), *each.defaults] for each in differences]
    return ["field", "a", "b", "a_default", "b_default"], rows
