"""One change that a patch means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from odapi_runner.pipeline.draft import Draft
from odapi_runner.pipeline.patching.tree import Place


@dataclass(frozen=True, slots=True)
class Change:
    """A change at a full path."""

    place: Place  # in the patch
    kind: Literal["set", "ensure", "delete"]
    path: str
    value: Any = None

    def apply(self, draft: Draft) -> None:
        """Make it.

        Raises:
            ConfigError: as the calls of `Draft`.
        """
        if self.kind == "set":
            draft.set(self.path, self.value)
        elif self.kind == "ensure":
            draft.ensure(self.path)
        else:
            draft.delete(self.path)
