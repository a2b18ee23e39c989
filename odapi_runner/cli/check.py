"""`odapi check`: what would go wrong, before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odapi_runner import files
from odapi_runner.cli.options import workspace_option
from odapi_runner.cli.tracking import track
from odapi_runner.errors import ConfigError

if TYPE_CHECKING:
    from odapi_runner.pipeline.finding import Finding, Severity
    from odapi_runner.pipeline.rules.rule import Rule

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


@click.command("check")
@click.argument("configs", metavar="CONFIG...", nargs=-1)
@click.option("--all", "every_record", is_flag=True, help="Look at every record, not at a sample.")
@click.option("--decode", is_flag=True, help="Decode whole images, not only their headers.")
@click.option(
    "--no-records",
    is_flag=True,
    help="Leave record files out of account: quick, and for machines that do not have them.",
)
@click.option("--from-scratch", is_flag=True, help="Leave fine_tune_checkpoint out of account.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "builtin", "tf-models", "automl"]),
    default="auto",
    show_default=True,
    help="The engine that is to train; auto is builtin.",
)
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many devices share a batch.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many machines share the files.",
)
@click.option("--explain", metavar="ID", help="The page of one rule; of all with ID list.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json", "markdown", "sarif", "github"]),
    default="table",
    show_default=True,
    help="How the findings are printed; sarif and github are for code hosts.",
)
@workspace_option
@click.pass_context
def command(
    context: click.Context,
    configs: tuple[str, ...],
    every_record: bool,
    decode: bool,
    no_records: bool,
    from_scratch: bool,
    engine: str,
    devices: int,
    workers: int,
    explain: str | None,
    output_format: str,
    workspace: str | None,
) -> None:
    """Check configs, their label maps, records and checkpoints; exit 1 where there is an error.

    CONFIG is a file, or the name of a pipeline of the workspace.

    A field that is set and that the engine would not honour is an error too. A comment
    # odapi: ignore=ID in a config, behind a field, above it or before all fields, lets findings
    of that rule pass.

    \b
    Example:
      odapi check kitti-d0
      odapi check my.config --all --decode --format json
      odapi check --explain warmup-steps
    """
    from odapi_runner.backends.check import all_rules, check
    from odapi_runner.pipeline.check import absent, unreadable
    from odapi_runner.pipeline.rules.subject import Look
    from odapi_runner.workspace import find_workspace

    if explain:
        _explain(explain, all_rules(), output_format)
        return
    if not configs:
        raise click.UsageError("Missing argument 'CONFIG...'.")
    look = Look(not no_records, every_record, decode, track)
    place = find_workspace(workspace)
    found = {}
    for config in map(place.find_config, configs):
        try:
            found[config] = check(
                config,
                place,
                engine=engine,
                devices=devices,
                workers=workers,
                from_scratch=from_scratch,
                look=look,
            )
        except ConfigError as error:
            told = error if files.exists(Path(config)) else absent(config, place)
            found[config] = [unreadable(told, config)]
    _print(found, output_format)
    context.exit(int(any(item.severity == "error" for items in found.values() for item in items)))


def _explain(id_: str, rules: Sequence[Rule], output_format: str) -> None:
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.explain import find_rule, render_page, summary

    if id_ == "list":
        rows = [(rule.id, rule.severity, rule.engine, summary(rule)) for rule in rules]
        print_table(["rule", "severity", "engine", "looks for"], rows, output_format)
    else:
        click.echo(render_page(find_rule(id_, rules)), nl=False)


def _print(found: Mapping[str, Sequence[Finding]], output_format: str) -> None:
    from odapi_runner.backends.check import all_rules
    from odapi_runner.cli.tables import print_table
    from odapi_runner.pipeline.finding import Finding
    from odapi_runner.pipeline.github import render_github
    from odapi_runner.pipeline.sarif import render_sarif

    if output_format == "table":
        for config, findings in found.items():
            _print_findings(config, findings)
        if len(found) > 1:
            everything = [item for findings in found.values() for item in findings]
            click.echo(f"{len(found)} configs: {_counted(everything)}")
    elif output_format == "sarif":
        click.echo(render_sarif(found, all_rules()), nl=False)
    elif output_format == "github":
        click.echo(render_github(found), nl=False)
    else:
        rows = [(config, *astuple(item)) for config in found for item in found[config]]
        print_table(["config", *(field.name for field in fields(Finding))], rows, output_format)


def _print_findings(config: str, findings: Sequence[Finding]) -> None:
    """As errors are shown everywhere: what, and below it what to do. A table would be too wide."""
    click.echo(f"{config}: {_counted(findings)}")
    for item in sorted(findings, key=lambda item: _SEVERITIES.index(item.severity)):
        where = f"{config}:{item.line}" if item.line else config
        place = "" if item.place == config else f"{item.place}: "
        click.echo(f"{where}: {item.severity} {item.rule}: {place}{item.what}\n  {item.fix}")


def _counted(findings: Sequence[Finding]) -> str:
    """Such as "2 errors, 1 hint"."""
    counts = Counter(item.severity for item in findings)
    words = [
        f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}"
        for kind in _SEVERITIES
        if counts[kind]
    ]
    return ", ".join(words) or "ok"
