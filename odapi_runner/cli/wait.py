"""`odapi wait`: return when a run has ended, with its outcome as exit code."""

from __future__ import annotations

import click

from odapi_runner.cli.options import workspace_option


@click.command("wait")
@click.argument("run")
@workspace_option
def command(run: str, workspace: str | None) -> None:
    """Wait until a run has ended; exit 0 when it is done, 1 when it failed, 3 when stopped.

    Ctrl-C ends the waiting, not the run: 130.

    \b
    Example:
      odapi wait kitti-d0 && odapi compare train/kitti-d0
    """
    from odapi_runner.cli.following import ProgressLine, end_with
    from odapi_runner.cli.words import after_ctrl_c, goes_on, progress_line
    from odapi_runner.runs.control import wait_for
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.status import read_status
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    line = ProgressLine(lambda: progress_line(read_status(found)))
    with after_ctrl_c(goes_on(found)):
        status = wait_for(found, on_poll=line.show)
    line.clear()
    end_with(status)
