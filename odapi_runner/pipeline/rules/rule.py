"""What a rule of `odapi check` is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from odapi_runner.pipeline.finding import Finding, Severity
from odapi_runner.pipeline.rules.subject import Subject

Engine = Literal["any", "builtin", "tf-models", "automl"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that `odapi check` looks for; its page is `odapi check --explain ID`."""

    id: str  # as in "# odapi: ignore=ID"; every finding of `find` carries it, and `severity`
    find: Callable[[Subject], Iterator[Finding]]  # the page begins with its docstring
    api: str  # what the Object Detection API does with it, with the source file
    severity: Severity = "error"
    engine: Engine = "any"  # whose training it concerns
    fails: str = ""  # an example
    passes: str = ""  # the same, put right

    def concerns(self, engine: str) -> bool:
        """Whether the rule speaks where this engine is to train."""
        return self.engine in ("any", engine)
