"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from odapi_runner.errors import printable, shortened

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
