"""What a check has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from odapi_runner.errors import ConfigError, printable, shortened

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or looks wrong with a config: training refuses errors only."""

    rule: str  # id of the rule, such as "warmup-steps"
    severity: Severity
    place: str  # the path of a field, or a file and where in it
    what: str
    fix: str
    line: int | None = None  # of the config's text, where the place is a field and there is a text

    def __post_init__(self) -> None:
        """Each is one line that can be printed, whatever path or value it quotes."""
        for name in ("place", "what", "fix"):
            object.__setattr__(self, name, shortened(printable(getattr(self, name))))


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise the first of the errors, if there is one.

    Raises:
        ConfigError: there is.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        first = errors[0]
        count = f"1 of {len(errors)} errors: " if len(errors) > 1 else ""
        raise ConfigError(f"{count}{first.place}: {first.what}", fix=first.fix)
