"""`odapi resume`: go on with a run, as it was or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.findings import show_findings
from odapi_runner.cli.options import (
    after_option,
    delete_option,
    foreground_option,
    gpu_option,
    set_option,
    workspace_option,
)
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import changes_of, given

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.runs.resumption import Resumption


@click.command("resume")
@click.argument("run")
@set_option
@delete_option
@click.option("--num-steps", type=click.IntRange(min=1), help="Short for -s num_steps=N.")
@gpu_option("as before")
@changes_of(RunOptions)
@click.option(
    "--eval",
    "evaluate",
    type=click.Choice(["cpu", "none"]),
    callback=lambda _, __, value: None if value is None else value == "cpu",
    help="Evaluate every checkpoint from now on, or none.",
)
@click.option(
    "--queue", is_flag=True, help="Go on when it is its turn and a GPU is free: odapi queue."
)
@after_option
@foreground_option
@workspace_option
def command(
    *,
    run: str,
    overrides: tuple[str, ...],
    deletes: tuple[str, ...],
    num_steps: int | None,
    gpu: str | None,
    queue: bool,
    after: tuple[str, ...],
    foreground: bool,
    workspace: str | None,
    **options: Any,
) -> None:
    """Go on from the newest checkpoint, in the background; evaluate what still waits.

    Without a change the continuation is exact: the same batches in the same order as without the
    interruption. Each option given is a change from now on, checked before anything starts; what
    was asked first stays beside it (pipeline.config, run.json). A run that has finished, early or
    not, goes on with more steps. The word none takes an option back that has no default:
    --early-stop none.

    Of a run with --workers, a machine that TF_CONFIG does not call the first takes part in its
    training this way, in the foreground: at its beginning, too.

    \b
    Example:
      odapi resume kitti-d0
      odapi resume kitti-d0 --num-steps 60000
      odapi resume kitti-d0 -s batch_size=4 --gpu 1 --max-hours 8
      odapi resume kitti-d0 --queue
    """
    from odapi_runner.cli.following import supervise_here
    from odapi_runner.cli.words import queue_hint, show_start
    from odapi_runner.pipeline.overrides import Changes
    from odapi_runner.runs.gpus import device_warnings
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.queue.control import put_in_queue
    from odapi_runner.runs.resume import prepare_resume
    from odapi_runner.runs.spec import RunSpec
    from odapi_runner.runs.start import start
    from odapi_runner.runs.workers import is_helper, take_part
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    found, earlier = find_run(run, place), [find_run(other, place) for other in after]
    if (queue or after) and foreground:
        raise click.UsageError("A run of the queue is no run in the foreground.")
    spec = RunSpec.load(found)
    if is_helper(spec):
        take_part(found, spec)

    changed = given(RunOptions, options)
    if foreground and changed.get("cluster", spec.options.cluster):
        raise click.UsageError("A run of a cluster is no run in the foreground: --cluster none")

    def show(plan: Resumption) -> None:
        show_findings(plan.notes, plan.findings)
        if not plan.has_error:
            click.echo(f"{found.name}: {_told(plan)}")

    lock = prepare_resume(
        found,
        changes=Changes(overrides, deletes),
        num_steps=num_steps,
        device=gpu,
        options=changed,
        queue=queue or bool(after),
        after=earlier,
        on_plan=show,
    )
    if gpu is not None and RunSpec.load(found).options.cluster is None:
        for warning in device_warnings(gpu, RunSpec.load(found).options):
            click.echo(f"Warning: {warning}", err=True)
    if queue or after:
        put_in_queue(found, lock, earlier)
        click.echo(queue_hint(), err=True)
        return
    if foreground:
        supervise_here(found, lock)
    show_start(found, start(found, lock))


def _told(plan: Resumption) -> str:
    """From where, and to where."""
    if plan.is_trained:
        return f"trained to step {plan.num_steps}, evaluating what waits"
    if plan.start is None:
        where = "beginning anew, since there is no checkpoint yet,"
    else:
        where = f"going on from step {plan.start.step} (ckpt-{plan.start.number})"
    changed = f" as revision {plan.revision}" if plan.revision else ""
    return f"{where} to {plan.num_steps}{changed}"
