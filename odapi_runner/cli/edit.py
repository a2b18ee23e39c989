"""`odapi edit`: change a config and keep the rest of it as it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odapi_runner.cli.options import change_options

if TYPE_CHECKING:  # import what `odapi --help` has no time for
    from odapi_runner.pipeline.edit import Edited
    from odapi_runner.pipeline.overrides import Changes


@click.command("edit")
@click.argument("config", metavar="CONFIG", type=click.Path(path_type=Path))
@change_options
@click.option("--in-place", is_flag=True, help="Write the file; the old one is kept as CONFIG.bak.")
@click.option("--diff", "as_diff", is_flag=True, help="Print the lines that change, not the text.")
def command(*, config: Path, changes: Changes, in_place: bool, as_diff: bool) -> None:
    """Change a config that exists; print it, or write it with --in-place.

    Comments, order, spacing and line ends stay as they are, and so does everything that is not
    asked to change. A field that goes takes its lines along, and a comment behind it.

    \b
    Example:
      odapi edit my.config -s batch_size=8 -d train_config.sync_replicas > new.config
      odapi edit my.config -s train_config.gradient_clipping_by_norm=10 --diff
      odapi edit my.config --patch experiment.txt --in-place
    """
    from odapi_runner.pipeline.edit import edit

    if in_place and as_diff:
        raise click.UsageError("--diff only shows what --in-place would write: choose one.")
    edited = edit(config, changes, in_place=in_place)
    for note in edited.notes:
        click.echo(note, err=True)
    if as_diff:
        _print_diff(edited)
    elif in_place:
        _print_summary(edited)
    elif sys.stdout.isatty():
        click.echo(edited.after.text, nl=False)
    else:
        click.echo(edited.content, nl=False)


def _print_diff(edited: Edited) -> None:
    """What `diff -u` would print, in colours on a terminal.

    `difflib.unified_diff` itself takes frequent lines for junk, and every other line of a config is
    a brace: it shows lines as changed that are not.
    """
    from difflib import SequenceMatcher

    before, after = (source.text.splitlines() for source in (edited.before, edited.after))
    groups = SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(3)
    for number, group in enumerate(groups):
        if not number:
            click.echo(f"--- {edited.path}\n+++ {edited.path} (changed)")
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        click.secho(f"@@ -{i1 + 1},{i2 - i1} +{j1 + 1},{j2 - j1} @@", fg="cyan")
        for kind, low, high, new_low, new_high in group:
            if kind == "equal":
                click.echo("".join(f" {line}\n" for line in before[low:high]), nl=False)
                continue
            for line in before[low:high]:
                click.secho(f"-{line}", fg="red")
            for line in after[new_low:new_high]:
                click.secho(f"+{line}", fg="green")


def _print_summary(edited: Edited) -> None:
    """The path as the result; beside it what has changed, and where the old file is."""
    from odapi_runner.cli.differences import shown_change

    for difference in edited.differences:
        click.echo(shown_change(difference), err=True)
    if edited.backup is None:
        click.echo("nothing to change", err=True)
    else:
        click.echo(f"the file as it was: {edited.backup}", err=True)
    click.echo(edited.path)
