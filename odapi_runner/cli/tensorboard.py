"""`odapi tensorboard`: TensorBoard on the event files of runs."""

from __future__ import annotations

import sys

import click

from odapi_runner.cli.options import workspace_option


@click.command("tensorboard")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--host", metavar="NAME", help="The address it listens to [default: localhost].")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Its port [default: 6006, or the next that is free].",
)
@workspace_option
def command(
    runs: tuple[str, ...], host: str | None, port: int | None, workspace: str | None
) -> None:
    """Start TensorBoard on the event files of runs, until Ctrl-C.

    Each run is there by its name, as RUN/train and RUN/eval. Without a RUN it is all of the
    workspace, those included that begin later.

    \b
    Example:
      odapi tensorboard kitti-d0 kitti-d0-2 --port 6007
    """
    from odapi_runner.errors import RunError
    from odapi_runner.runs.names import find_run, list_runs
    from odapi_runner.runs.tensorboard import tensorboard
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    found = [find_run(name, place) for name in runs]
    if not found and not list_runs(place):
        nothing = f"no runs in {place.shown(place.train)}"
        what, fix = place.why_absent(nothing, "Start one: odapi train NAME")
        raise RunError(what, fix=fix)
    with tensorboard(found or place.train, host=host, port=port) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # it has got it, too
            code = 0
    sys.exit(code)
