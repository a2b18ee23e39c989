"""`odapi compare`: one row a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import paper_format_option, workspace_option
from odapi_runner.cli.tracking import track
from odapi_runner.settings import checked, parsed

if TYPE_CHECKING:
    from odapi_runner.report.compare import Comparison

_SENTENCES = 20  # shown; the column `verdict` has all


def _parse_at(value: str) -> Any:
    from odapi_runner.report.picking import parse_at

    return parse_at(value)


def _parse_condition(value: str) -> object:
    from odapi_runner.report.where import parse_condition

    return parse_condition(value)


def _parse_metric(value: str) -> object:
    from odapi_runner.runs.policies.metric import parse_column

    return parse_column(value)


def _parse_target(value: str) -> object:
    from odapi_runner.report.exports.export import parse_target

    return parse_target(value)


def _each_checked(parse: Callable[[str], object]) -> Callable[..., tuple[str, ...]]:
    """The callback of an option that may be given several times, and stays as it was typed."""

    def keep(
        context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
    ) -> tuple[str, ...]:
        for value in values:
            parsed(parse)(context, parameter, value)
        return values

    return keep


@click.command("compare")
@click.argument("sources", metavar="[RUN|SWEEP|LOG|DIR]...", nargs=-1)
@click.option(
    "--at",
    callback=parsed(_parse_at),
    default="best",
    show_default=True,
    metavar="best|last|STEP|images[=N]",
    help="Which evaluation of each run: the best, the last, that of a step, or the last one until "
    "which training had seen N images; without N, as many as all of the runs have seen.",
)
@click.option(
    "--by",
    callback=checked(_parse_metric),
    default="mAP",
    show_default=True,
    metavar="METRIC",
    help="What the best is best by: any metric that an evaluation has, as "
    "'KITTI_AP40/Car (moderate)'.",
)
@click.option("--steps", is_flag=True, help="A row each evaluated checkpoint, not each run.")
@click.option(
    "--where",
    multiple=True,
    callback=_each_checked(_parse_condition),
    metavar="NAME=VALUE",
    help="Only rows of which this is true: a column or any setting, and = != < <= > or >=. "
    "NAME= is an empty cell. Given twice, both have to be true.",
)
@click.option(
    "--sort",
    multiple=True,
    metavar="NAME",
    help="The best of a metric first, the lowest of any other column or setting; -NAME turns it.",
)
@click.option(
    "--baseline",
    metavar="RUN",
    help="Tell the differences from that run, and whether each is more than noise.",
)
@click.option("--no-noise", is_flag=True, help="Tell the differences only: at once.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the table too: .csv, .json, .parquet with every column; .md, .tex as it is shown.",
)
@click.option(
    "--to",
    multiple=True,
    callback=_each_checked(_parse_target),
    metavar="mlflow|wandb|tensorboard[=PLACE]",
    help="Export the runs of the table: parameters, metrics by step, files. PLACE is an MLflow "
    "server or store, a project of Weights & Biases, or a folder; else $MLFLOW_TRACKING_URI or "
    "what MLflow takes itself (mlflow.db and mlruns/ in the current folder), $WANDB_PROJECT or "
    "the workspace's name, or tensorboard/ in the workspace. Of evaluations that name no step the "
    "last one is exported, at step 0.",
)
@paper_format_option
@workspace_option
def command(
    out: Path | None,
    to: tuple[str, ...],
    output_format: str,
    workspace: str | None,
    *,
    no_noise: bool,
    **asked: Any,
) -> None:
    """Print one row a run: every metric, and every setting in which the runs differ.

    A source is a run (its folder or its name), a sweep, a log, or a folder of runs; without any,
    all runs of the workspace are compared. Runs that are evaluated on different data are marked.

    \b
    Example:
      odapi compare train/* --out compare.csv
      odapi compare kitti-d0 kitti-d0-2 --at last --baseline kitti-d0
      odapi compare --where 'batch_size>=8' --sort mAP_50 --format markdown
      odapi compare eval.log old/eval.log --steps
      odapi compare kitti-d0 --to mlflow=http://127.0.0.1:5000
    """
    from odapi_runner.report.compare import compare
    from odapi_runner.report.exports.export import send_sources
    from odapi_runner.report.write import check_ending, write_comparison
    from odapi_runner.workspace import find_workspace

    _refuse_chosen_steps(steps=asked["steps"], at=asked["at"])
    if out:
        check_ending(out)
    place = find_workspace(workspace)
    found = compare(**asked, noise=not no_noise, track=track, workspace=place)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if out:
        write_comparison(out, found)
    _print(found, output_format)
    for target in to:
        for line in send_sources(found.sources, target, place, track):
            click.echo(line, err=True)


def _refuse_chosen_steps(*, steps: bool, at: Any) -> None:
    """Of --at beside --steps only `images` says something: it adds a column."""
    from click.core import ParameterSource

    source = click.get_current_context().get_parameter_source("at")
    if steps and source is not ParameterSource.DEFAULT and isinstance(at, int | str):
        wanted = f"--where step={at}" if isinstance(at, int) else "--at without --steps"
        what = "--steps shows every evaluation, and --at chooses one of each run"
        raise click.UsageError(f"{what}; give {wanted}.")


def _print(found: Comparison, output_format: str) -> None:
    from odapi_runner.cli.tables import print_table
    from odapi_runner.report.shown import shown_table, unshown_settings
    from odapi_runner.report.table import table_cells

    if output_format in {"csv", "json"}:
        print_table(list(found.table.columns), table_cells(found.table), output_format)
        return
    print_table(*shown_table(found), output_format)
    if unshown := len(unshown_settings(found)):
        told = f"settings in which only runs without an evaluation differ are not shown: {unshown}"
        click.echo(f"note: {told}; --format csv has them", err=True)
    before = {"latex": "% ", "markdown": "- "}.get(output_format, "")
    sentences = found.sentences[:_SENTENCES]
    if more := len(found.sentences) - len(sentences):
        sentences = (*sentences, f"and {more} more: the column verdict of --format csv has all")
    if sentences:
        click.echo()
    for sentence in sentences:
        click.echo(before + sentence)
