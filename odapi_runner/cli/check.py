"""`odapi check`: what would go wrong, before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from odapi_runner.cli.options import format_option, workspace_option

if TYPE_CHECKING:
    from odapi_runner.pipeline.finding import Finding

T = TypeVar("T")


@click.command("check")
@click.argument("configs", metavar="CONFIG...", nargs=-1, required=True)
@click.option("--all", "every_record", is_flag=True, help="Look at every record, not at a sample.")
@click.option("--from-scratch", is_flag=True, help="Leave fine_tune_checkpoint out of account.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "builtin", "none"]),
    default="auto",
    show_default=True,
    help="The engine that is to honour the config; none: the config and its files alone.",
)
@format_option
@workspace_option
@click.pass_context
def command(
    context: click.Context,
    configs: tuple[str, ...],
    every_record: bool,
    from_scratch: bool,
    engine: str,
    output_format: str,
    workspace: str | None,
) -> None:
    """Check configs, their label maps, records and checkpoints; exit 1 where there is an error.

    A field that is set and that the engine would not honour is an error too.

    \b
    Example:
      odapi check pipelines/kitti-d0/pipeline.config
      odapi check my.config --all --format json
    """
    from odapi_runner.backends import AUTO, find_engine
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.check import check
    from odapi_runner.proto.text import read_pipeline
    from odapi_runner.workspace import find_workspace

    place = find_workspace(workspace)
    found = {}
    for config in configs:
        message = read_pipeline(Path(config))
        found[config] = check(
            message, place, every_record=every_record, from_scratch=from_scratch, track=_track
        )
        if engine != "none":
            found[config] += find_engine(AUTO if engine == "auto" else engine).check(message)
    if output_format == "table":
        for config, findings in found.items():
            _print_findings(config, findings)
    else:
        rows = [(config, *astuple(item)) for config in found for item in found[config]]
        columns = ["config", "rule", "severity", "place", "what", "fix"]
        print_table(columns, rows, output_format)
    context.exit(int(any(item.severity == "error" for items in found.values() for item in items)))


def _print_findings(config: str, findings: Sequence[Finding]) -> None:
    """As errors are shown everywhere: what, and below it what to do. A table would be too wide."""
    counts = Counter(item.severity for item in findings)
    words = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items()]
    click.echo(f"{config}: {', '.join(words) or 'ok'}")
    for item in findings:
        click.echo(f"{item.severity} {item.rule}: {item.place}: {item.what}\n  {item.fix}")


def _track(items: Sequence[T], title: str) -> Iterable[T]:
    """Show how far the check is, where somebody watches."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, title, console=console, transient=True, disable=not console.is_terminal)
