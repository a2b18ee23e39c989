"""`odapi doctor`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from odapi_runner.cli.options import gpu_option, workspace_option
from odapi_runner.runs.options import RunOptions
from odapi_runner.settings import settings_of

_COLOURS = {"ok": "green", "absent": None, "warning": "yellow", "error": "red"}
PLACES = ("models_dir", "automl_dir", "python")  # of engines


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--try",
    "try_engines",
    is_flag=True,
    help="Train three steps with each engine that was found, on drawn images: about a minute each.",
)
@settings_of(RunOptions, *PLACES)
@gpu_option("all that CUDA_VISIBLE_DEVICES leaves")
@workspace_option
def command(
    *, as_json: bool, try_engines: bool, gpu: str | None, workspace: str | None, **places: Any
) -> None:
    """Look at what a training depends on: what works, and what to do about the rest.

    Python, TensorFlow and whether it uses the GPU that is here, packages, memory, disk, and each
    engine. Exit code 1 where odapi cannot train.

    \b
    Example:
      odapi doctor
      odapi doctor --models-dir models
      odapi doctor --automl-dir automl --python ENV/bin/python --try
    """
    from odapi_runner.doctor.examine import examine

    def say(doing: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"{doing} …", err=True)

    found = examine(
        options=RunOptions(**places),
        workspace=workspace,
        try_engines=try_engines,
        device=gpu or "visible",
        say=say,
    )
    if as_json:
        click.echo(json.dumps(found.dump(), indent=2, ensure_ascii=False))
    else:
        width = max(len(fact.name) for fact in found.facts)
        for fact in found.facts:
            state = click.style(f"{fact.state:<8}", fg=_COLOURS[fact.state])
            click.echo(f"{state} {fact.name:<{width}}  {fact.what}")
            if fact.fix:
                click.echo(f"{'':<8} {'':<{width}}  {fact.fix}")
        click.echo(f"\n{found.verdict}")
    if not found.is_well:
        sys.exit(1)
