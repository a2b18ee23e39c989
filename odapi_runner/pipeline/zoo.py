"""The published checkpoints to start from: `model_zoo/catalogue.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from odapi_runner.workspace import shipped


@dataclass(frozen=True, slots=True)
class Published:
    """A published checkpoint, and where it lies once it is unpacked into model_zoo/."""

    name: str  # the folder that its archive holds
    url: str
    checkpoint: str  # its prefix in that folder
    kind: str  # fine_tune_checkpoint_type: what it can be restored as by another dataset's model
    starts: tuple[str, ...]  # the samples whose models start from it

    @property
    def path(self) -> str:
        """`fine_tune_checkpoint`, relative to the workspace."""
        return f"model_zoo/{self.name}/{self.checkpoint}"


@functools.cache
def read_catalogue() -> Mapping[str, Published]:
    """All of them by their names."""
    content = tomllib.loads((shipped("model_zoo") / "catalogue.toml").read_text("utf-8"))
    return {
        name: Published(
            name=name,
            url=entry["url"],
            checkpoint=entry.get("checkpoint", "checkpoint/ckpt-0"),
            kind=entry.get("kind", "detection"),
            starts=tuple(entry.get("starts", ())),
        )
        for name, entry in content.items()
    }


def start_of(sample: str) -> Published | None:
    """Where the model of a sample config starts when it is fine-tuned; None if nothing fits."""
    found = (entry for entry in read_catalogue().values() if sample in entry.starts)
    return next(found, None)
