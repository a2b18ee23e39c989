"""`odapi queue`: the runs that start by themselves, as devices become free."""

from __future__ import annotations

import click

from odapi_runner.cli.options import format_option, workspace_option


@click.group("queue")
def command() -> None:
    """Runs that wait for a GPU: one queue for each user and machine, for all workspaces.

    `odapi train … --queue` puts a run at its end. As many run at a time as there are free GPUs, one
    on the CPU where there is none: a GPU is free when nobody computes on it, whoever it is. A run
    of another user shows on its GPU some seconds after its start: two users whose runs start at
    the same moment may get the same GPU. The queue goes on after a logout; after a reboot with
    `odapi queue start`.

    \b
    Example:
      odapi train kitti-d0 --queue
      odapi train kitti-d2 --queue
      odapi queue list
    """


@command.command("list")
@format_option
def list_(output_format: str) -> None:
    """Show what is in the queue, in order, and why it waits.

    \b
    Example:
      odapi queue list
    """
    from dataclasses import asdict, fields

    from odapi_runner.cli.tables import print_table
    from odapi_runner.runs.queue.control import QueuedRun, list_queue
    from odapi_runner.runs.queue.entries import read_queue
    from odapi_runner.runs.queue.serve import is_served

    rows = [list(asdict(run).values()) for run in list_queue()]
    if read_queue().paused:
        click.echo("The queue is paused; go on with: odapi queue resume", err=True)
    elif rows and not is_served():
        click.echo("Nobody serves the queue; go on with: odapi queue start", err=True)
    if not rows:
        click.echo("Nothing is in the queue; put a run there: odapi train NAME --queue", err=True)
    if rows or output_format != "table":
        print_table([field.name for field in fields(QueuedRun)], rows, output_format)


@command.command("move")
@click.argument("run")
@click.argument("place", type=click.IntRange(min=1))
@workspace_option
def move(run: str, place: int, workspace: str | None) -> None:
    """Move a run that waits to another place; 1 is the first. It overtakes none that has begun.

    \b
    Example:
      odapi queue move kitti-d2 1
    """
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.queue import control
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    at, of = control.move_queued(found, place)
    why = "; those before it have begun" if at > min(place, of) else ""
    click.echo(f"{found.name}: at place {at} of {of}{why}", err=True)


@command.command("cancel")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@workspace_option
def cancel(runs: tuple[str, ...], workspace: str | None) -> None:
    """Take runs that have not begun out of the queue; their folders stay.

    \b
    Example:
      odapi queue cancel kitti-d2
    """
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.queue import control
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    for run in [find_run(name, place) for name in runs]:
        control.cancel_queued(run)
        click.echo(f"{run.name}: taken out of the queue; start it: odapi resume {run.typed}")


@command.command("pause")
def pause() -> None:
    """Start nothing more; what runs goes on.

    \b
    Example:
      odapi queue pause
    """
    from odapi_runner.runs.queue import control

    control.pause_queue()
    click.echo("Paused; go on with: odapi queue resume", err=True)


@command.command("resume")
def resume() -> None:
    """Start runs again after `odapi queue pause`.

    \b
    Example:
      odapi queue resume
    """
    from odapi_runner.runs.queue import control

    control.resume_queue()
    click.echo("The queue goes on.", err=True)


@command.command("start")
@click.option("--unit", is_flag=True, help="Print a unit of systemd that does it at each boot.")
def start(unit: bool) -> None:
    """Go on with the queue after a reboot, and with the runs that it interrupted.

    For cron, the line of a crontab is `@reboot odapi queue start`, odapi by its full path.

    \b
    Example:
      odapi queue start
      odapi queue start --unit > ~/.config/systemd/user/odapi-queue.service
      systemctl --user enable odapi-queue && loginctl enable-linger
    """
    from odapi_runner.runs.queue.control import start_queue
    from odapi_runner.runs.queue.unit import render_unit

    if unit:
        click.echo(render_unit(), nl=False)
        return
    went_on = start_queue()
    click.echo("The queue goes on." if went_on else "Nothing to start.", err=True)
