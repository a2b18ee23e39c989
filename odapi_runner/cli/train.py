"""`odapi train`: check a config and start a run."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from odapi_runner.cli.findings import show_findings
from odapi_runner.cli.options import foreground_option, gpu_option, set_option, workspace_option
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import settings_of


@click.command("train")
@click.argument("name", required=False)
@click.option("--preset", metavar="NAME", help="The same as NAME.")
@click.option("--config", metavar="FILE", help="A config file, instead of a NAME.")
@click.option("--run", metavar="NAME", help="Name the run [default: what is trained, NAME-2, …].")
@gpu_option("all that CUDA_VISIBLE_DEVICES leaves")
@click.option("--engine", type=click.Choice(["auto", "builtin"]), default="auto", show_default=True)
@set_option
@click.option("--num-steps", type=click.IntRange(min=1), help="Short for -s num_steps=N.")
@settings_of(RunOptions)
@click.option(
    "--from",
    "start_from",
    metavar="RUN[@best|@STEP]",
    help="Begin with all weights of another run: its newest checkpoint, its best one, or that of "
    "a step. Without a NAME it is that run's config that is trained.",
)
@click.option("--from-scratch", is_flag=True, help="Leave out the config's fine_tune_checkpoint.")
@click.option(
    "--eval",
    "evaluate",
    type=click.Choice(["cpu", "none"]),
    default="cpu",
    show_default=True,
    callback=lambda _, __, value: value == "cpu",
    help="Evaluate every checkpoint on the CPU, beside the training.",
)
@click.option(
    "--queue", is_flag=True, help="Start it when it is its turn and a GPU is free: odapi queue."
)
@click.option(
    "--after",
    multiple=True,
    metavar="RUN",
    help="Start it when that run has ended, however it ends; implies --queue.",
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
    """
    from odapi_runner.cli.following import supervise_here
    from odapi_runner.runs.control import start_supervisor
    from odapi_runner.runs.gpus import device_warnings
    from odapi_runner.runs.launch import create_run, plan_training
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.queue.control import put_in_queue
    from odapi_runner.workspace import find_workspace

    if len({name, preset, config} - {None}) > 1:
        raise click.UsageError("Give one of NAME, --preset NAME and --config FILE.")
    if (queue or after) and foreground:
        raise click.UsageError("A run of the queue is no run in the foreground.")
    earlier = [find_run(other, find_workspace(workspace)) for other in after]
    asked = RunOptions(**options)
    plan = plan_training(
        name or preset,
        config=config,
        overrides=overrides,
        num_steps=num_steps,
        from_scratch=from_scratch,
        start_from=start_from,
        engine=engine,
        device=gpu or "visible",
        options=asked,
        workspace=workspace,
        queue=queue or bool(after),
    )
    show_findings(plan.notes, plan.findings)
    typed = ["odapi", *sys.argv[1:]]
    made, lock = create_run(plan, run=run, command=typed)
    shown = plan.workspace.shown
    does = "will train" if plan.queue else "training"
    click.echo(f"{made.name}: {does} {shown(plan.source)} in {shown(made.root)}")
    if plan.devices > 1:
        each = plan.message.train_config.batch_size // plan.devices
        of = f" of {asked.workers} workers" if asked.workers > 1 else ""
        click.echo(f"{plan.devices} devices{of}, {each} image{'s' * (each > 1)} each", err=True)
    for warning in device_warnings(plan.device, asked):
        click.echo(f"Warning: {warning}", err=True)
    if plan.queue:
        os.close(lock)
        put_in_queue(made, earlier)
        click.echo("  odapi queue list", err=True)
    elif foreground:
        supervise_here(made, lock)
    else:
        start_supervisor(made, lock)
        click.echo(f"  odapi status {made.typed}\n  odapi logs {made.typed} -f", err=True)
