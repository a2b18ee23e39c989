"""`odapi sweep`: a run for each point of a grid."""

from __future__ import annotations

import sys
from typing import Any

import click

from odapi_runner.cli.findings import show_findings
from odapi_runner.cli.options import gpu_option, training_options, workspace_option
from odapi_runner.runs.options import RunOptions


@click.command("sweep")
@click.argument("name", required=False)
@click.option("--config", metavar="FILE", help="A config file, instead of a NAME.")
@click.option(
    "--name",
    "sweep",
    metavar="NAME",
    help="Name the sweep; its runs are NAME.01, NAME.02, … [default: what is trained, -sweep]",
)
@click.option(
    "--patch",
    "patches",
    multiple=True,
    metavar="FILE[:N[-M]]",
    help="Train with each of these patches, as for `odapi render`; with a single one all runs.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    metavar="N",
    help="N points of the grid, chosen at random, instead of all.",
)
@click.option(
    "--samples-seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Another number chooses others.",
)
@gpu_option("a free one for each run")
@training_options
@workspace_option
def command(
    *,
    name: str | None,
    config: str | None,
    sweep: str | None,
    patches: tuple[str, ...],
    samples: int | None,
    samples_seed: int,
    gpu: str | None,
    engine: str,
    overrides: tuple[str, ...],
    num_steps: int | None,
    start_from: str | None,
    from_scratch: bool,
    after: tuple[str, ...],
    workspace: str | None,
    **options: Any,
) -> None:
    """Put a run for each combination of values into the queue, or into that of --cluster.

    Values stand between commas; one in brackets or quotes may hold commas itself. Everything is
    checked before the first run is made. `odapi compare SWEEP` shows its runs beside each other,
    and what varies.

    \b
    Example:
      odapi sweep kitti-d0 -s learning_rate=0.01,0.02 -s batch_size=4,8
      odapi sweep kitti-d0 -s learning_rate=0.01,0.02,0.04 -s batch_size=4,8 --samples 3
      odapi sweep kitti-d0 --patch notes.txt:3 --patch notes.txt:4
    """
    from odapi_runner.cli.words import queue_hint
    from odapi_runner.runs.names import find_run
    from odapi_runner.runs.sweep import create_sweep, describe, plan_sweep
    from odapi_runner.workspace import find_workspace

    if name and config:
        raise click.UsageError("Give one of NAME and --config FILE.")
    earlier = [find_run(other, find_workspace(workspace)) for other in after]
    plan = plan_sweep(
        name,
        config=config,
        overrides=overrides,
        patches=patches,
        samples=samples,
        samples_seed=samples_seed,
        num_steps=num_steps,
        start_from=start_from,
        from_scratch=from_scratch,
        engine=engine,
        device=gpu or "visible",
        options=RunOptions(**options),
        workspace=workspace,
    )
    # What holds for several runs is said once.
    findings = {(f.place, f.what): f for point in plan.points for f in point.plan.findings}
    show_findings(plan.notes, list(findings.values()))
    runs = create_sweep(plan, name=sweep, command=["odapi", *sys.argv[1:]], after=earlier)
    for run, point in zip(runs, plan.points, strict=True):
        click.echo(f"{run.name}: {describe(point.values)}")
    of = f" of {plan.total}" if plan.total > len(runs) else ""
    found = runs[0].name.rpartition(".")[0]
    if plan.points[0].plan.queue:
        click.echo(f"{len(runs)} runs{of} in the queue\n{queue_hint()}", err=True)
    else:
        click.echo(f"{len(runs)} runs{of} in Slurm\n  odapi status", err=True)
    click.echo(f"  odapi compare {found}", err=True)
