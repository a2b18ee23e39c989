"""`odapi status`: what the runs are doing."""

from __future__ import annotations

import click

from odapi_runner.cli.options import format_option, workspace_option


@click.command("status")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@workspace_option
@format_option
def command(runs: tuple[str, ...], workspace: str | None, output_format: str) -> None:
    """Show state, phase, speed, time left, and last and best mAP of runs (of all by default).

    A state is one of running, evaluating, done, stopped, failed, lost (the processes died without
    a word; `odapi resume` goes on from the last checkpoint).

    \b
    Example:
      odapi status
      odapi status kitti-d0 --format json
    """
    from dataclasses import asdict, fields

    from odapi_runner.cli.tables import print_table
    from odapi_runner.runs.names import find_run, list_runs
    from odapi_runner.runs.status import RunStatus, read_status
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    found = [find_run(name, place) for name in runs] or list_runs(place)
    if not found:
        click.echo(f"No runs in {place.shown(place.train)}; start one: odapi train NAME", err=True)
    statuses = [read_status(run) for run in found]
    rows = [asdict(status) for status in statuses]
    columns = [field.name for field in fields(RunStatus)]
    if output_format in {"table", "markdown"} and rows:
        metrics = {status.metric for status in statuses}
        metric = metrics.pop() if len(metrics) == 1 else None
        rows = [_for_people(row, metric) for row in rows]
        columns = list(rows[0])
        for status in statuses:
            if status.what:
                click.echo(f"{status.run}: {status.state}: {status.what}", err=True)
    if rows or output_format != "table":
        print_table(columns, [list(row.values()) for row in rows], output_format)


def _for_people(row: dict[str, object], metric: str | None) -> dict[str, object]:
    """Fewer columns: a step beside its score, time as hours and minutes, no long reasons.

    Args:
        row: the fields of a `RunStatus`.
        metric: that of all runs; None where they have several, and each score names its own.
    """
    from odapi_runner.cli.words import duration

    left = row["seconds_left"]
    of = f" {metric}" if metric else ""
    name = "" if metric else f"{row['metric']} "
    return {
        "run": row["run"],
        "state": row["state"],
        "phase": row["phase"],
        "step": None if row["step"] is None else f"{row['step']} of {row['num_steps']}",
        "steps/s": row["steps_per_second"],
        "time left": duration(left) if isinstance(left, int | float) else None,
        f"last{of}": _score(name, row["last_score"], row["last_step"]),
        f"best{of}": _score(name, row["best_score"], row["best_step"]),
        "waiting": row["waiting"] or None,
    }


def _score(name: str, score: object, step: object) -> str | None:
    return None if score is None else f"{name}{score:.4f} at {step}"
