"""What a check found, before the command does what it was asked to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from odapi_runner.pipeline.finding import Finding


def show_findings(
    notes: Sequence[str], findings: Sequence[Finding], *, refuses: bool = True
) -> None:
    """Show notes, warnings and errors.

    Args:
        notes: each a sentence.
        findings: of which hints are left out.
        refuses: whether the command is refused with the first error, which is not shown here then.
    """
    for note in notes:
        click.echo(note, err=True)
    first_error = next((found for found in findings if found.severity == "error"), None)
    for finding in findings:
        if finding.severity != "hint" and not (refuses and finding is first_error):
            title = f"{finding.severity.capitalize()}: {finding.place}: {finding.what}"
            click.echo(f"{title}\n  {finding.fix}", err=True)
