"""`odapi parse`: the metrics that a log tells."""

from __future__ import annotations

import csv
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import format_option

if TYPE_CHECKING:
    from odapi_runner.report.scan import Findings
    from odapi_runner.report.spool import Spool

_SHOWN = 5  # lines that could not be used


@click.command("parse")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE.csv", type=click.Path(path_type=Path), help="Write a CSV too.")
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Go on as the log grows, and print each row when it is complete (one log of lines; Ctrl-C "
    "ends, and so does the writer of a pipe).",
)
@click.option("--strict", is_flag=True, help="End with an error where a line cannot be used.")
@click.option(
    "--patches",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write what each experiment of a notebook changes, for odapi render --patch.",
)
@format_option
def command(
    logs: tuple[Path, ...],
    out: Path | None,
    follow: bool,
    strict: bool,
    patches: Path | None,
    output_format: str,
) -> None:
    """Print a row for each evaluation that a log tells.

    A run that tells no evaluation gives a row for each step of its training. A step that was told
    again after a resume has the later numbers, and times_told. The format is found by itself:

    \b
      model_main_tf2   its logs of all years, and odapi's: train.log, eval.log, through syslog too
      estimator        TensorFlow 1: model_main.py, train.py, google/automl's main.py
      coco_table       the twelve lines that COCO's evaluation prints
      ultralytics      results.csv
      mmdetection      *.log.json, scalars.json
      odapi            metrics.csv, and the events of a run
      event_file       TensorBoard's files, or a folder that holds some
      notebook         notes of experiments, one number each, with "=", set, remove and note below

    All of them but folders may be packed by gzip, or come from standard input: -. A log may be of
    any length: its rows are printed as csv or json in constant memory; to line up a table or
    markdown all of them are kept.

    \b
    Example:
      odapi parse train/kitti-d0/eval.log
      odapi parse old/train.log.gz --format markdown
      odapi parse logs/*.log --out metrics.csv
      odapi parse notes.txt --patches patches
      odapi parse -f train/kitti-d0/train.log
    """
    from odapi_runner.report.parse import refuse_unused, spool_logs, write_experiments
    from odapi_runner.report.spool import Spool, write_csv_file

    if follow:
        if len(logs) != 1 or out or patches or output_format == "markdown":
            raise click.UsageError("-f follows one log, as table, csv or json, on stdout only.")
        _follow(logs[0], output_format, strict=strict)
        return
    if out and out.suffix.lower() != ".csv":
        instead = "--format json or markdown prints others"
        raise click.UsageError(f"--out writes a CSV: {out} should end with .csv; {instead}.")
    with Spool() as spool:
        found, experiments = spool_logs(logs, spool)
        for path, findings in zip(logs, found, strict=True):
            _tell(path, findings)
            if strict:
                refuse_unused(path, findings)
        if repeated := spool.repeated():
            click.echo(f"note: {repeated} steps are told again; the later rows count", err=True)
        if left_out := spool.left_out():
            click.echo(f"note: rows of training left out beside evaluations: {left_out}", err=True)
        if out:
            write_csv_file(out, spool)
        _print(spool, output_format)
    for written in write_experiments(experiments, patches) if patches else ():
        click.echo(f"wrote {written}", err=True)


def _tell(path: Path, findings: Findings) -> None:
    """Say on stderr which formats a log has, and what of it could not be used."""
    found = ", ".join(f"{name} ({rows})" for name, rows in sorted(findings.formats.items()))
    click.echo(f"note: {path}: rows by format: {found}", err=True)
    for problem in findings.problems[:_SHOWN]:
        click.echo(f"note: {problem.at(path)}", err=True)
    if findings.unused > _SHOWN:
        click.echo(f"note: {path}: {findings.unused - _SHOWN} more not used", err=True)


def _print(spool: Spool, output_format: str) -> None:
    """Print the rows; as CSV and JSON one by one, however many there are."""
    from odapi_runner.cli.tables import print_table
    from odapi_runner.report.spool import write_rows

    if output_format == "csv":
        write_rows(sys.stdout, spool)
        return
    columns = spool.columns()
    if output_format == "json":
        before = "["
        for row in spool.rows():
            click.echo(f"{before}\n  {_object(row, columns)}", nl=False)
            before = ","
        click.echo("\n]")
        return
    rows = [[_short(row.get(column)) for column in columns] for row in spool.rows()]
    print_table(columns, rows, output_format)


def _follow(path: Path, output_format: str, *, strict: bool) -> None:
    """Print the rows of a log as they are told, until somebody ends it."""
    from odapi_runner.report.logs import stream_log
    from odapi_runner.report.parse import refuse_unused
    from odapi_runner.report.scan import Findings
    from odapi_runner.report.spool import csv_cells, followed_columns, told_record

    findings = Findings()
    ends: list[bool] = []

    def end(*_: object) -> None:
        if ends:  # asked twice: it waits where nothing has come so far
            raise KeyboardInterrupt
        ends.append(True)

    signal.signal(signal.SIGINT, end)
    columns = followed_columns()
    if output_format == "csv":
        click.echo(",".join(columns))

    def goes_on() -> bool:
        return not ends and not (strict and findings.unused)

    for told in stream_log(path, findings, on_idle=goes_on):
        row = told_record(path.name, told.row, told.remarks)
        if output_format == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerow(csv_cells(row, columns))
            sys.stdout.flush()
        elif output_format == "json":
            click.echo(_object(row, list(row)))
        else:
            pairs = (f"{name} {v:.4g}" for name, v in row.items() if isinstance(v, float))
            click.echo(f"{row['run']}  step {row['step']}  {'  '.join(pairs)}")
        if strict:
            refuse_unused(path, findings)
    _tell(path, findings)
    if strict:
        refuse_unused(path, findings)


def _object(row: dict[str, Any], columns: list[str]) -> str:
    """A row as JSON, which has no words for what is not finite."""
    from odapi_runner.report.render import finite

    told = {column: finite(row.get(column)) for column in columns}
    return json.dumps(told, ensure_ascii=False)


def _short(value: object) -> object:
    """A cell for people: of a text of many lines the first."""
    if not isinstance(value, str) or "\n" not in value.strip():
        return value.strip() if isinstance(value, str) else value
    return value.strip().partition("\n")[0] + " …"
