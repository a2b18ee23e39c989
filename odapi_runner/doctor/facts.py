"""What an examination found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "absent", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: `ok`; `absent`, where nobody needs it who does not want it; `warning`, what trains
            without it but worse; `error`, what keeps odapi from training.
        what: what was found.
        fix: what to do about it; empty where nothing is to be done.
    """

    name: str
    state: State
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """All of them."""

    facts: tuple[Fact, ...]

    @property
    def is_well(self) -> bool:
        """Whether odapi can train here."""
        return not self._of("error")

    @property
    def verdict(self) -> str:
        """One line."""
        errors, warnings = self._of("error"), self._of("warning")
        if errors:
            return f"odapi cannot train here: {_named(errors)}."
        if warnings:
            return f"odapi can train here; look at: {_named(warnings)}."
        return "odapi can train here."

    def dump(self) -> dict[str, Any]:
        """For JSON."""
        facts = [asdict(fact) for fact in self.facts]
        return {"well": self.is_well, "verdict": self.verdict, "facts": facts}

    def _of(self, state: State) -> list[Fact]:
        return [fact for fact in self.facts if fact.state == state]


def _named(facts: Sequence[Fact]) -> str:
    return ", ".join(fact.name for fact in facts)
