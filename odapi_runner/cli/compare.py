"""`odapi compare`: one row a run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from odapi_runner.cli.options import format_option, workspace_option

At = Literal["best", "last"] | int


def _parse_at(_: click.Context, __: click.Parameter, value: str) -> At:
    match value:
        case "best" | "last":
            return value
        case _ if value.isdecimal():
            return int(value)
    raise click.BadParameter(f'{value!r} is neither "best", "last" nor a step.')


@click.command("compare")
@click.argument("sources", metavar="[RUN|SWEEP|LOG|DIR]...", nargs=-1)
@click.option(
    "--at",
    callback=_parse_at,
    default="best",
    show_default=True,
    metavar="best|last|STEP",
    help="Which evaluation of each run: the best by mAP, the last, or that of a step.",
)
@click.option("--out", metavar="FILE.csv", type=click.Path(path_type=Path), help="Write a CSV too.")
@format_option
@workspace_option
def command(
    sources: tuple[str, ...],
    at: At,
    out: Path | None,
    output_format: str,
    workspace: str | None,
) -> None:
    """Print one row a run: every metric, and every setting in which the runs differ.

    A source is a run (its folder or its name), a sweep, a log, or a folder of runs; without any,
    all runs of the workspace are compared.

    \b
    Example:
      odapi compare train/* --out compare.csv
      odapi compare kitti-d0 kitti-d0-2 --at last
      odapi compare eval.log old/eval.log --format markdown
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.report.compare import compare
    from odapi_runner.report.table import table_cells, write_csv
    from odapi_runner.workspace import find_workspace

    found = compare(sources, at=at, workspace=find_workspace(workspace))
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if out:
        write_csv(out, found.table)
    print_table(list(found.table.columns), table_cells(found.table), output_format)
