"""`odapi logs`: what the trainer and the evaluator of a run have printed."""

from __future__ import annotations

import click

from odapi_runner.cli.options import workspace_option

_LAST_LINES = 20
_COLORS = {"train": "green", "eval": "cyan"}


@click.command("logs")
@click.argument("run")
@click.option("--train", is_flag=True, help="The trainer's log alone; with --eval both.")
@click.option("--eval", "eval_", is_flag=True, help="The evaluator's log alone.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Begin with the last N lines [default: all; {_LAST_LINES} of each where both are shown].",
)
@workspace_option
def command(
    run: str, train: bool, eval_: bool, follow: bool, lines: int | None, workspace: str | None
) -> None:
    """Print the log of a run's trainer, or follow it and the evaluator's.

    With -f both are shown as they grow, each line behind the name of its log, unless --train or
    --eval chooses one. Without -f it is the trainer's, or both where both are asked for.

    \b
    Example:
      odapi logs kitti-d0 -f
      odapi logs kitti-d0 --eval -n 100
    """
    import time

    from odapi_runner.cli.following import LineReader
    from odapi_runner.cli.words import after_ctrl_c, goes_on
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.status import read_status
    from odapi_runner.workspace import find_workspace

    found = find_run(run, find_workspace(workspace))
    both = train == eval_ and (follow or train)
    last = _LAST_LINES if both and lines is None else lines
    logs = {
        name: LineReader(found.log(name), last=last)
        for name in (["train", "eval"] if both else ["eval" if eval_ else "train"])
    }

    def show(*, rest: bool = False) -> None:
        for name, log in logs.items():
            before = click.style(f"{name:<5} │ ", _COLORS[name]) if both else ""
            for line in log.read_new(rest=rest):
                click.echo(before + line)

    with after_ctrl_c(goes_on(found)):
        while follow and not read_status(found).has_ended:
            show()
            time.sleep(0.5)
    show(rest=True)
    if not follow and not any(found.log(name).exists() for name in logs):
        status = read_status(found)
        why = f": {status.what}" if status.what else ""
        click.echo(f"{found.name}: nothing is logged yet, it is {status.state}{why}", err=True)
