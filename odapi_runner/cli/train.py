"""`odapi train`: check a config and start a run."""

from __future__ import annotations

import functools
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.findings import show_findings
from odapi_runner.cli.options import (
    foreground_option,
    gpu_option,
    training_options,
    workspace_option,
)
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import checked

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.pipeline.finding import Finding
    from odapi_runner.runs.batch_size import Try
    from odapi_runner.runs.plan import Plan


def _parse_batch(value: str) -> object:
    from odapi_runner.runs.batch_size import parse_batch

    return parse_batch(value)


@click.command("train")
@click.argument("name", required=False)
@click.option("--preset", metavar="NAME", help="The same as NAME.")
@click.option("--config", metavar="FILE", help="A config file, instead of a NAME.")
@click.option("--run", metavar="NAME", help="Name the run [default: what is trained, NAME-2, …].")
@gpu_option("all that CUDA_VISIBLE_DEVICES leaves")
@training_options
@click.option(
    "--batch",
    metavar="N|auto[:SIZE]",
    callback=checked(_parse_batch),
    help="Short for -s batch_size=N; auto: the largest with which the device makes real steps, "
    "tried from the config's on, before the run starts; auto:6GB: in so much of its memory.",
)
@click.option(
    "--queue", is_flag=True, help="Start it when it is its turn and a GPU is free: odapi queue."
)
@foreground_option
@workspace_option
def command(
    *,
    name: str | None,
    preset: str | None,
    config: str | None,
    run: str | None,
    gpu: str | None,
    engine: str,
    overrides: tuple[str, ...],
    num_steps: int | None,
    batch: str | None,
    start_from: str | None,
    from_scratch: bool,
    queue: bool,
    after: tuple[str, ...],
    foreground: bool,
    workspace: str | None,
    **options: Any,
) -> None:
    """Train in the background, and evaluate every checkpoint on the CPU meanwhile.

    NAME is a pipeline of the workspace (pipelines/NAME), rendered first from the preset of that
    name where it is absent. Without any name it is the pipeline rendered last.

    \b
    Example:
      odapi train kitti-d0 --gpu 0
      odapi train --config my.config -s batch_size=8 --num-steps 5000
      odapi train --from kitti-d0@best -s learning_rate=0.001
      odapi train kitti-d2 --queue
      odapi train kitti-d0 --gpu 0 --batch auto
    """
    from odapi_runner.cli.following import supervise_here
    from odapi_runner.cli.words import after_ctrl_c, queue_hint, show_start
    from odapi_runner.runs.batch_size import plan_with_batch
    from odapi_runner.runs.gpus import device_warnings
    from odapi_runner.runs.launch import create_run
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.plan import plan_training
    from odapi_runner.runs.queue.control import put_in_queue
    from odapi_runner.runs.start import start
    from odapi_runner.workspace import find_workspace

    if len({name, preset, config} - {None}) > 1:
        raise click.UsageError("Give one of NAME, --preset NAME and --config FILE.")
    if (queue or after) and foreground:
        raise click.UsageError("A run of the queue is no run in the foreground.")
    if foreground and options["cluster"]:
        raise click.UsageError("A run of a cluster is no run in the foreground.")
    earlier = [find_run(other, find_workspace(workspace)) for other in after]
    asked = RunOptions(**options)
    planned = functools.partial(
        plan_training,
        name or preset,
        config=config,
        num_steps=num_steps,
        from_scratch=from_scratch,
        start_from=start_from,
        engine=engine,
        device=gpu or "visible",
        options=asked,
        workspace=workspace,
        queue=queue or bool(after),
    )
    say = functools.partial(click.echo, err=True)
    with after_ctrl_c("no run was made, and nothing goes on"):
        plan = plan_with_batch(planned, overrides, batch, on_try=_show_try, say=say)
    show_findings(plan.notes, _untold(plan))
    typed = ["odapi", *sys.argv[1:]]
    made, lock = create_run(plan, run=run, command=typed)
    shown = plan.workspace.shown
    does = "will train" if plan.queue or asked.cluster else "training"
    click.echo(f"{made.name}: {does} {shown(plan.source)} in {shown(made.root)}")
    if plan.devices > 1:
        each = plan.message.train_config.batch_size // plan.devices
        of = f" of {asked.workers} workers" if asked.workers > 1 else ""
        click.echo(f"{plan.devices} devices{of}, {each} image{'s' * (each > 1)} each", err=True)
    for warning in device_warnings(plan.device, asked) if asked.cluster is None else []:
        click.echo(f"Warning: {warning}", err=True)
    if plan.queue:
        put_in_queue(made, lock, earlier)
        click.echo(queue_hint(), err=True)
    elif foreground:
        supervise_here(made, lock)
    else:
        show_start(made, start(made, lock))


def _untold(plan: Plan) -> list[Finding]:
    """The findings, warnings only where no other run of this config has told them."""
    from odapi_runner.runs.plan import trained_before

    warnings = [one for one in plan.findings if one.severity == "warning"]
    before = trained_before(plan) if warnings else None
    if before is None:
        return list(plan.findings)
    count = "a warning" if len(warnings) == 1 else f"{len(warnings)} warnings"
    config = shlex.quote(plan.workspace.shown(before.config_of(1)))
    click.echo(f"{count}, as of {before.name}: odapi check {config}", err=True)
    return [one for one in plan.findings if one.severity == "error"]


def _show_try(made: Try) -> None:
    """One line a try of `--batch auto`."""
    if made.seconds and made.peak:
        speed, memory = made.batch / made.seconds, made.peak / (1 << 20)
        click.echo(f"batch {made.batch}: {speed:.3g} images/s, {memory:.0f} MiB", err=True)
    else:
        click.echo(f"batch {made.batch}: does not fit", err=True)
