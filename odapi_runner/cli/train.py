"""`odapi train`: check a config and start a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from odapi_runner.cli.options import set_option, workspace_option
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import settings_of

if TYPE_CHECKING:  # both import what `odapi --help` has no time for
    from odapi_runner.rundir import RunDir
    from odapi_runner.runs.launch import Plan


def _gpu(_: click.Context, __: click.Parameter, value: str | None) -> str:
    from odapi_runner.runs.gpus import gpu_numbers

    device = value or "auto"
    try:
        gpu_numbers(device)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error
    return device


@click.command("train")
@click.argument("name", required=False)
@click.option("--preset", metavar="NAME", help="The same as NAME.")
@click.option("--config", metavar="FILE", help="A config file, instead of a NAME.")
@click.option("--run", metavar="NAME", help="Name the run [default: what is trained, NAME-2, …].")
@click.option(
    "--gpu",
    metavar="N[,N…]|all|none",
    callback=_gpu,
    help="Train on the GPUs of these numbers, which share each batch, or on the CPU [none]. "
    "[default: all that CUDA_VISIBLE_DEVICES leaves]",
)
@click.option("--engine", type=click.Choice(["auto", "builtin"]), default="auto", show_default=True)
@set_option
@click.option("--num-steps", type=click.IntRange(min=1), help="Short for -s num_steps=N.")
@settings_of(RunOptions)
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
@click.option("--foreground", is_flag=True, help="Stay, and show the log; Ctrl-C saves and stops.")
@workspace_option
def command(
    *,
    name: str | None,
    preset: str | None,
    config: str | None,
    run: str | None,
    gpu: str,
    engine: str,
    overrides: tuple[str, ...],
    num_steps: int | None,
    from_scratch: bool,
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
    """
    from odapi_runner.runs.control import start_supervisor
    from odapi_runner.runs.gpus import device_warnings
    from odapi_runner.runs.launch import create_run, plan_training

    if len({name, preset, config} - {None}) > 1:
        raise click.UsageError("Give one of NAME, --preset NAME and --config FILE.")
    asked = RunOptions(**options)
    plan = plan_training(
        name or preset,
        config=config,
        overrides=overrides,
        num_steps=num_steps,
        from_scratch=from_scratch,
        engine=engine,
        device=gpu,
        options=asked,
        workspace=workspace,
    )
    for note in plan.notes:
        click.echo(note, err=True)
    _show_findings(plan)
    typed = ["odapi", *sys.argv[1:]]
    made, lock = create_run(plan, run=run, command=typed)
    shown = plan.workspace.shown
    click.echo(f"{made.name}: training {shown(plan.source)} in {shown(made.root)}")
    if plan.devices > 1:
        each = plan.message.train_config.batch_size // plan.devices
        of = f" of {asked.workers} workers" if asked.workers > 1 else ""
        click.echo(f"{plan.devices} devices{of}, {each} image{'s' * (each > 1)} each", err=True)
    for warning in device_warnings(gpu, asked):
        click.echo(f"Warning: {warning}", err=True)
    if foreground:
        _supervise_here(made, lock)
    else:
        start_supervisor(made, lock)
        click.echo(f"  odapi status {made.typed}\n  odapi logs {made.typed} -f", err=True)


def _show_findings(plan: Plan) -> None:
    """Warnings and errors but the first error: with that one `create_run` refuses the plan."""
    first_error = next((found for found in plan.findings if found.severity == "error"), None)
    for finding in plan.findings:
        if finding.severity != "hint" and finding is not first_error:
            title = f"{finding.severity.capitalize()}: {finding.place}: {finding.what}"
            click.echo(f"{title}\n  {finding.fix}", err=True)


def _supervise_here(run: RunDir, lock: int) -> None:
    from odapi_runner.backends import find_engine
    from odapi_runner.cli.following import LogReader, ProgressLine, end_with
    from odapi_runner.cli.words import progress_line
    from odapi_runner.runs.spec import RunSpec
    from odapi_runner.runs.status import read_status
    from odapi_runner.runs.supervise import supervise

    log = LogReader(run.log("train"))
    line = ProgressLine(lambda: progress_line(read_status(run)))

    def show() -> None:
        if text := log.read_new():
            line.clear()
            click.echo(text, nl=False)
        line.show()

    supervise(run, lock, find_engine(RunSpec.load(run).engine), on_poll=show)
    line.clear()
    end_with(read_status(run))
