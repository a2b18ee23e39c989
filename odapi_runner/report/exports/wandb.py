"""Runs in Weights & Biases, online or, with $WANDB_MODE=offline, in files that can be synced.

A run keeps its id, so a second export goes on where the first has ended: W&B takes no number for a
step that it has passed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import OdapiError
from odapi_runner.report.exports.exported import Exported

_KIND = "odapi-run"  # of the artifact


@dataclass(frozen=True, slots=True)
class Wandb:
    """A project of Weights & Biases."""

    module: Any  # wandb
    project: str
    folder: Path  # where `wandb/` is made

    @classmethod
    def connect(cls, place: str, workspace: Path) -> Wandb:
        """See that the package is there.

        Args:
            place: the project; empty: $WANDB_PROJECT, else the name of the workspace's folder.
            workspace: where W&B keeps its files.

        Raises:
            OdapiError: it is not installed.
        """
        try:
            import wandb
        except ImportError as error:
            fix = "pip install 'odapi[wandb]'"
            raise OdapiError("Weights & Biases is not installed", fix=fix) from error
        return cls(wandb, place or os.environ.get("WANDB_PROJECT") or workspace.name, workspace)

    def send(self, run: Exported) -> str:
        """Export a run; where it is then.

        Raises:
            OdapiError: W&B says no.
        """
        with self._telling(run.name):
            settings = self.module.Settings(
                silent=True,
                console="off",
                # What is exported is a training of the past: nothing of this process belongs to it.
                disable_git=True,
                save_code=False,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            )
            made = self.module.init(
                project=self.project,
                name=run.name,
                id=run.id,
                resume="allow",
                config=dict(run.settings),
                dir=str(self.folder),
                settings=settings,
            )
            first = made.step
            for step, values in run.numbers.items():
                if step >= first:
                    made.log(dict(values), step=step)
            if run.files:
                artifact = self.module.Artifact(f"{_KIND}-{run.id}", _KIND)
                for path in run.files:
                    artifact.add_file(str(path), path.name)
                made.log_artifact(artifact)
            where = Path(made.dir).parent if made.offline else made.url
            made.finish()
        return f"{run.name}: {where}"

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Turn W&B's errors into one sentence."""
        try:
            yield
        except (self.module.Error, self.module.errors.UsageError) as error:
            said = str(error).partition("\n")[0]
            fix = "wandb login, or WANDB_MODE=offline and wandb sync later"
            raise OdapiError(f"{name}: {said}", fix=fix) from error
