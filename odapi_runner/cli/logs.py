"""`odapi logs`: what the trainer or the evaluator of a run has printed."""

from __future__ import annotations

import click

from odapi_runner.cli.options import workspace_option


@click.command("logs")
@click.argument("run")
@click.option("--eval", "evaluator", is_flag=True, help="The evaluator's log, not the trainer's.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@workspace_option
def command(run: str, evaluator: bool, follow: bool, workspace: str | None) -> None:
    """Print the log of a run's trainer, or of its evaluator.

    \b
    Example:
      odapi logs kitti-d0 -f
      odapi logs kitti-d0 --eval
    """
    import time

    from odapi_runner.cli.following import LogReader
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.status import read_status
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    log = LogReader(found.log("eval" if evaluator else "train"))
    while follow and read_status(found).is_live:
        click.echo(log.read_new(), nl=False)
        time.sleep(0.5)
    click.echo(log.read_new(), nl=False)
