"""`odapi adopt`: a folder that model_main_tf2 trained becomes a run."""

from __future__ import annotations

import sys

import click

from odapi_runner.cli.findings import show_findings
from odapi_runner.cli.options import set_option, workspace_option


@click.command("adopt")
@click.argument("model_dir")
@click.option("--config", metavar="FILE", help="Its pipeline.config, where it lies elsewhere.")
@click.option("--run", metavar="NAME", help="Name the run [default: the folder's name].")
@set_option
@workspace_option
def command(
    *,
    model_dir: str,
    config: str | None,
    run: str | None,
    overrides: tuple[str, ...],
    workspace: str | None,
) -> None:
    """Make a run of the --model_dir of model_main_tf2: status, eval, compare, resume work on it.

    Nothing in MODEL_DIR is changed; a folder in train/ becomes a run where it is. Metrics of its
    evaluations are read from its event files. While its training still goes on, here, what it
    saves is evaluated; odapi stop ends that, not the training.

    Relative paths in its config are taken from the workspace; -s corrects what is elsewhere.

    \b
    Example:
      odapi adopt ~/models/my_efficientdet
      odapi adopt ~/models/d0 --config d0.config -s eval_records=data/kitti/val-*.record
    """
    from odapi_runner.runs.adopt import adopt

    typed = ["odapi", *sys.argv[1:]]
    adopted = adopt(
        model_dir,
        config=config,
        run=run,
        overrides=overrides,
        workspace=workspace,
        command=typed,
    )
    made = adopted.run
    state = "in training" if adopted.watched else "trained"
    click.echo(
        f"{made.name}: {state} to step {adopted.step} of {adopted.num_steps}, "
        f"{_counted(adopted.checkpoints, 'checkpoint')}, "
        f"{_counted(adopted.evaluations, 'evaluation')}"
    )
    show_findings((), adopted.findings, refuses=False)
    if adopted.unevaluated and not adopted.watched:
        which = "the other" if adopted.evaluations else "its"
        ones = "checkpoint" if adopted.unevaluated == 1 else "checkpoints"
        click.echo(f"  odapi eval {made.typed}   (evaluates {which} {ones})", err=True)
    click.echo(f"  odapi status {made.typed}", err=True)


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"
