"""`odapi parse`: the metrics that a log tells."""

from __future__ import annotations

from pathlib import Path

import click

from odapi_runner.cli.options import format_option


@click.command("parse")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE.csv", type=click.Path(path_type=Path), help="Write a CSV too.")
@format_option
def command(logs: tuple[Path, ...], out: Path | None, output_format: str) -> None:
    """Print a row for each evaluation that a log tells.

    Logs of model_main_tf2 and of odapi are read. A log of a training, which tells no evaluation,
    gives a row for each step that it names.

    \b
    Example:
      odapi parse train/kitti-d0/eval.log
      odapi parse train.log --format markdown
      odapi parse logs/*.log --out metrics.csv
    """
    from odapi_runner.cli.tables import print_table
    from odapi_runner.report.parse import parse
    from odapi_runner.report.table import table_cells, write_csv

    table = parse(logs)
    if out:
        write_csv(out, table)
    print_table(list(table.columns), table_cells(table), output_format)
