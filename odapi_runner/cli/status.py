"""`odapi status`: what the runs are doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from odapi_runner.cli.options import format_option, workspace_option
from odapi_runner.errors import RunError

if TYPE_CHECKING:  # they import what `odapi --help` has no time for
    from odapi_runner.rundir import RunDir
    from odapi_runner.runs.lineage import Branch
    from odapi_runner.runs.status import RunStatus


@click.command("status")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--watch", is_flag=True, help="Show them anew each second, with GPUs and curves.")
@click.option(
    "--tree", is_flag=True, help="Show each below the run that it was started from; of RUNs theirs."
)
@click.option(
    "--json", "output_format", flag_value="json", help="Short for --format json: all that is known."
)
@workspace_option
@format_option
def command(
    *, runs: tuple[str, ...], watch: bool, tree: bool, workspace: str | None, output_format: str
) -> None:
    """Show state, phase, speed, time left, and last and best score of runs (of all by default).

    A state is one of queued, running, evaluating, done, stopped, failed, lost (they died without
    a word; `odapi resume` goes on from the last checkpoint). Of one RUN its options follow, and
    what has happened to it by itself.

    \b
    Example:
      odapi status
      odapi status --watch
      odapi status --tree
      odapi status kitti-d0 --json
    """
    from odapi_runner.runs.lineage import read_lineage
    from odapi_runner.runs.names import find_run, list_runs
    from odapi_runner.workspace import find_workspace

    if watch and output_format != "table":
        raise click.UsageError("--watch shows a table; give --json or --format without it.")
    if tree and watch:
        raise click.UsageError("--watch and --tree do not go together; give one of them.")
    if tree and output_format == "json":
        raise click.UsageError("--tree shows a table; to a program each run names its parent.")
    place = find_workspace(workspace)

    def find() -> list[RunDir]:
        return [find_run(name, place) for name in runs] or _readable(list_runs(place))

    found = find()
    if watch:
        _watch(find)
        return
    if not found:
        nothing = f"No runs in {place.shown(place.train)}"
        what, fix = place.why_absent(nothing, "Start one: odapi train NAME")
        click.echo(f"{what}\n  {fix}", err=True)
    if output_format == "json":
        _print_json(find)
    elif tree:
        branches = read_lineage(list_runs(place), found if runs else ())
        _print([branch.run for branch in branches], output_format, branches=branches)
    else:
        _print(found, output_format, in_full=len(runs) == 1)


def _readable(runs: Sequence[RunDir]) -> list[RunDir]:
    """Those of which it can be read what was asked; of the others it is said why they are not."""
    from odapi_runner.runs.spec import RunSpec

    found = []
    for run in runs:
        try:
            RunSpec.load(run)
            found.append(run)
        except RunError as error:
            click.echo(f"{run.name}: {error.what}\n  {error.fix}", err=True)
    return found


def _watch(find: Callable[[], list[RunDir]]) -> None:
    import sys

    from odapi_runner.cli.watching import watch
    from odapi_runner.runs.watch import Watch

    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal. For a program: odapi status --json")
    watch(Watch(find))


def _print_json(find: Callable[[], list[RunDir]]) -> None:
    import json

    from odapi_runner.runs.watch import Watch

    watch = Watch(find)
    watched = [run.dump() for run in watch.look()]
    if watch.note:
        click.echo(f"note: {watch.note}", err=True)
    click.echo(json.dumps(watched, indent=2, ensure_ascii=False))


def _print(
    found: Sequence[RunDir],
    output_format: str,
    *,
    in_full: bool = False,
    branches: Sequence[Branch] = (),
) -> None:
    from dataclasses import asdict, fields

    from odapi_runner.cli.tables import print_table
    from odapi_runner.runs.status import RunStatus, read_status

    statuses = [read_status(run) for run in found]
    if output_format == "csv" or not statuses:
        rows = [asdict(status) for status in statuses]
        columns = [field.name for field in fields(RunStatus)]
    else:
        metrics = {status.metric for status in statuses}
        metric = metrics.pop() if len(metrics) == 1 else None
        rows = [_for_people(status, metric) for status in statuses]
        for row, branch in zip(rows, branches, strict=False):
            row |= {"run": f"{branch.mark}{branch.run.name}", "from": branch.origin}
        columns = list(rows[0])
        for status in statuses:
            if status.what:
                state = status.phase or status.state
                click.echo(f"{status.run}: {state}: {status.what}", err=True)
    if rows or output_format != "table":
        print_table(columns, [list(row.values()) for row in rows], output_format)
    if in_full and output_format == "table":
        _print_rest(found[0], statuses[0])


def _for_people(status: RunStatus, metric: str | None) -> dict[str, object]:
    """Fewer columns: a step beside its score, time as hours and minutes, no long reasons.

    Args:
        status: of a run.
        metric: that of all runs; None where they have several, and each score names its own.
    """
    from odapi_runner.cli.words import duration

    of = f" {metric}" if metric else ""
    name = "" if metric else f"{status.metric} "
    return {
        "run": status.run,
        "state": status.state,
        "phase": status.phase,
        "step": None if status.step is None else f"{status.step} of {status.num_steps}",
        "steps/s": status.steps_per_second,
        "time left": None if status.seconds_left is None else duration(status.seconds_left),
        f"last{of}": _score(name, status.last_score, status.last_step),
        f"best{of}": _score(name, status.best_score, status.best_step),
        "waiting": status.waiting or None,
    }


def _score(name: str, score: float | None, step: int | None) -> str | None:
    return None if score is None else f"{name}{score:.4f} at {step}"


def _print_rest(run: RunDir, status: RunStatus) -> None:
    """The options of one run, and what its supervisors have done about it."""
    from datetime import datetime

    from odapi_runner.runs.deeds import read_deeds

    if status.options:
        click.echo(f"\noptions: {status.options}")
    if status.rate_factor != 1:
        click.echo(f"learning rate: {status.rate_factor:g} times the schedule's")
    for deed in read_deeds(run):
        when = datetime.fromtimestamp(deed.time).astimezone()
        click.echo(f"{when:%Y-%m-%d %H:%M:%S}  {deed.kind}: {deed.what}")
