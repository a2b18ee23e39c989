"""What a check found, before the command does what it was asked to."""

from __future__ import annotations

from collections.abc import Sequence

import click

from odapi_runner.pipeline.finding import Finding, refuse_errors


def show_findings(
    notes: Sequence[str], findings: Sequence[Finding], *, refuses: bool = True
) -> None:
    """Show notes, warnings and errors.

    Args:
        notes: each a sentence.
        findings: of which hints are left out.
        refuses: whether the command is refused where there is an error.

    Raises:
        ConfigError: it is refused: the last error, which click shows after the others.
    """
    for note in notes:
        click.echo(note, err=True)
    errors = [found for found in findings if found.severity == "error"] if refuses else []
    for finding in findings:
        if finding.severity != "hint" and finding not in errors[-1:]:
            title = f"{finding.severity.capitalize()}: {finding.place}: {finding.what}"
            click.echo(f"{title}\n  {finding.fix}", err=True)
    refuse_errors(errors[-1:])
