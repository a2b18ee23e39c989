"""`odapi resume`: go on with a run that was stopped, has failed or was lost."""

from __future__ import annotations

import click

from odapi_runner.cli.options import workspace_option


@click.command("resume")
@click.argument("run")
@workspace_option
def command(run: str, workspace: str | None) -> None:
    """Go on from the newest checkpoint, in the background; evaluate what still waits.

    The continuation is exact: the same batches in the same order as without the interruption.
    Of a run with --workers, a machine that TF_CONFIG does not call the first takes part in its
    training this way, in the foreground: at its beginning, too.

    \b
    Example:
      odapi resume kitti-d0
    """
    from odapi_runner.runs.control import resume
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.spec import RunSpec
    from odapi_runner.runs.workers import is_helper, take_part
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    spec = RunSpec.load(found)
    if is_helper(spec):
        take_part(found, spec)
    status = resume(found)
    click.echo(f"{found.name}: going on with it ({status.state})")
    click.echo(f"  odapi status {found.typed}\n  odapi logs {found.typed} -f", err=True)
