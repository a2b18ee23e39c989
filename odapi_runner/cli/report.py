"""`odapi report`: one run in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from odapi_runner.cli.options import format_option, workspace_option

if TYPE_CHECKING:  # they import what `odapi --help` has no time for
    from odapi_runner.report.run.document import Curve, Report, Section
    from odapi_runner.runs.known import At

_WIDTH = 40  # cells of a curve


def _parse_at(_: click.Context, __: click.Parameter, value: str) -> At:
    match value:
        case "best" | "last":
            return value
        case _ if value.isdecimal():
            return int(value)
    raise click.BadParameter(f'{value!r} is neither "best", "last" nor a step.')


@click.command("report")
@click.argument("run", metavar="RUN")
@click.option(
    "--at",
    callback=_parse_at,
    default="best",
    show_default=True,
    metavar="best|last|STEP",
    help="Which checkpoint is looked at: the best by the run's metric, the last, that of a step.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="From which score on a box counts, in the table by class, the confusion and the worst "
    "images [default: the one that serves best].",
)
@click.option(
    "--images",
    type=click.IntRange(0, 200),
    default=12,
    show_default=True,
    metavar="N",
    help="How many of the worst images are shown.",
)
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path), help="Write one HTML page instead."
)
@click.option(
    "--charts",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write each chart into a folder, as PNG and as SVG.",
)
@format_option
@workspace_option
def command(
    run: str,
    at: At,
    threshold: float | None,
    images: int,
    html: Path | None,
    charts: Path | None,
    output_format: str,
    workspace: str | None,
) -> None:
    """Tell all that is known of one run: curves, figures by class, errors by kind, worst images.

    Without --html and --charts it is printed. The page is one file, which needs no network.

    \b
    Example:
      odapi report kitti-d0
      odapi report kitti-d0 --html report.html --images 40
      odapi report kitti-d0 --at last --threshold 0.2 --charts figures
    """
    from odapi_runner.report.run.write import write_charts, write_page
    from odapi_runner.runs.report import build_report
    from odapi_runner.workspace import find_workspace

    found = build_report(
        run, at=at, threshold=threshold, images=images, workspace=find_workspace(workspace)
    )
    if html:
        write_page(found, html)
        click.echo(html)
    if charts:
        for path in write_charts(found, charts):
            click.echo(path)
    if not (html or charts):
        _print(found, output_format)


def _print(report: Report, output_format: str) -> None:
    if output_format == "json":
        _print_json(report)
    elif output_format == "csv":
        _print_csv(report)
    else:
        _print_text(report, output_format)


def _print_text(report: Report, output_format: str) -> None:
    from odapi_runner.cli.tables import print_table
    from odapi_runner.report.run.write import shown

    mark = "## " if output_format == "markdown" else ""
    at = f", step {report.step} ({report.chosen})" if report.step is not None else ""
    click.echo(f"{mark[1:]}{report.run}{at}")
    told = [f"{name} {shown(value)}" for name, value in report.headline if value is not None]
    click.echo(", ".join(told) or report.chosen)
    for section in report.sections:
        click.echo(f"\n{mark}{section.title}")
        for sentence in section.sentences:
            click.echo(sentence)
        for line in _curve_lines(section.curves):
            click.echo(line)
        for table in section.tables:
            click.echo(f"\n{table.title}:\n")
            print_table(table.columns, table.rows, output_format)


def _curve_lines(curves: tuple[Curve, ...]) -> list[str]:
    """Each curve as a line of blocks, with its first and its last value."""
    from odapi_runner.cli.sparkline import sparkline

    wide = max((len(curve.name) for curve in curves), default=0)
    return [
        f"{curve.name:<{wide}}  {sparkline(curve.values, _WIDTH)}  "
        f"{curve.values[0]:.4g} at {curve.steps[0]} to {curve.values[-1]:.4g} at {curve.steps[-1]}"
        for curve in curves
    ]


def _print_json(report: Report) -> None:
    import json

    value = {
        "run": report.run,
        "step": report.step,
        "chosen": report.chosen,
        "headline": dict(report.headline),
        "sections": {section.key: _dump(section) for section in report.sections},
    }
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _dump(section: Section) -> dict[str, object]:
    return {
        "sentences": section.sentences,
        "curves": {
            curve.name: {"steps": curve.steps, "values": curve.values} for curve in section.curves
        },
        "tables": {
            table.title: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in section.tables
        },
    }


def _print_csv(report: Report) -> None:
    """Every cell of every table in a line of its own: the tables have different columns."""
    from odapi_runner.cli.tables import print_table

    cells = [
        (section.key, table.title, str(row[0]), column, value)
        for section in report.sections
        for table in section.tables
        for row in table.rows
        for column, value in zip(table.columns[1:], row[1:], strict=True)
    ]
    print_table(("section", "table", "row", "column", "value"), cells, "csv")
