"""`odapi eval`: evaluate checkpoints of a run that is not at work."""

from __future__ import annotations

import click

from odapi_runner.cli.options import format_option, workspace_option


def _step(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if not value.isdecimal():
        raise click.BadParameter(f'"{value}" is neither a step nor "all".')
    return int(value)


@click.command("eval")
@click.argument("run")
@click.option(
    "--step",
    metavar="N|all",
    callback=_step,
    help="The step of one checkpoint, or all that are kept [default: those not evaluated yet].",
)
@workspace_option
@format_option
def command(run: str, step: int | str | None, workspace: str | None, output_format: str) -> None:
    """Evaluate checkpoints that are still in the run's folder, on the CPU; print their metrics.

    As csv or json with those of classes and whatever else there is, as in metrics.csv.

    \b
    Example:
      odapi eval kitti-d0
      odapi eval kitti-d0 --step 2000
    """
    from odapi_runner.cli.following import ProgressLine
    from odapi_runner.cli.tables import print_table
    from odapi_runner.cli.words import evaluation_line
    from odapi_runner.formats.detections import read_metrics
    from odapi_runner.metrics import COLUMNS, column_of, known
    from odapi_runner.runs.evaluate import evaluate
    from odapi_runner.runs.names import find_run
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    line = ProgressLine(lambda: evaluation_line(found))
    one = step if isinstance(step, int) else None
    steps = evaluate(found, one, again=step == "all", on_poll=line.show)
    line.clear()
    if not steps:
        click.echo(f"{found.name}: every checkpoint that is kept has its evaluation.", err=True)
    rows: list[dict[str, object]] = []
    for at in steps:
        _, by_tag = read_metrics(found.detections_at(at))
        values = {column_of(tag): known(value) for tag, value in by_tag.items()}
        rows.append({"run": found.name, "step": at, **values})
    columns = list(COLUMNS)
    if output_format in {"csv", "json"}:
        columns = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    print_table(columns, [[row.get(name) for name in columns] for row in rows], output_format)
