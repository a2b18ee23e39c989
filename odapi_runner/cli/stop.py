"""`odapi stop`: end a run in an orderly way."""

from __future__ import annotations

import click

from odapi_runner.cli.options import workspace_option

_HOW = {
    "running": "; the trainer saves a checkpoint first",
    "evaluating": "; what waits for the evaluator goes on waiting",
    "lost": "; its supervisor is dead, what has outlived it is ending",
}


@click.command("stop")
@click.argument("run")
@workspace_option
def command(run: str, workspace: str | None) -> None:
    """Have the trainer save a checkpoint and end, then the evaluator.

    Checkpoints that wait for the evaluator go on waiting: `odapi resume` goes on with training
    and evaluation, `odapi eval` with the evaluation alone.

    \b
    Example:
      odapi stop kitti-d0
    """
    from odapi_runner.cli.words import progress_line
    from odapi_runner.runs.control import stop_run
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.status import read_status
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))

    def tell() -> None:
        how = _HOW.get(read_status(found).state, "")
        click.echo(f"Stopping {found.name}{how}.", err=True)

    status = stop_run(found, on_start=tell)
    click.echo(progress_line(status))
    if status.what:
        click.echo(status.what, err=True)
