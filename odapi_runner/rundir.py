"""Every file name of a run (DESIGN.md 2), in one place.

pipeline.config  run.json  events/  progress-train.json  progress-eval.json  train.log  eval.log
checkpoint  ckpt-N.*  pending/  detections/  train/  eval/  metrics.csv
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from odapi_runner import files

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_PLAIN = re.compile(r"[\w.+-]+")  # letters of any script: `shlex` would quote Korean, too
_STEP = re.compile(r"step-(\d+)\.npz")


@dataclass(frozen=True, slots=True)
class RunDir:
    """The paths inside one run folder; nothing here touches the disk unless it says so."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def typed(self) -> str:
        """The name as one types it on a command line: in quotes where it holds a space."""
        return self.name if _PLAIN.fullmatch(self.name) else shlex.quote(self.name)

    @property
    def config(self) -> Path:
        return self.root / "pipeline.config"

    @property
    def run_json(self) -> Path:
        return self.root / "run.json"

    @property
    def events(self) -> Path:
        return self.root / "events"

    def progress(self, role: str) -> Path:
        """The heartbeat of `train` or `eval`."""
        return self.root / f"progress-{role}.json"

    def log(self, role: str) -> Path:
        """stdout and stderr of `train`, `eval` or `supervise`."""
        return self.root / f"{role}.log"

    @property
    def lock(self) -> Path:
        """Locked by the run's processes for as long as one of them lives."""
        return self.root / ".lock"

    @property
    def checkpoint_state(self) -> Path:
        """The text file in which TensorFlow lists the checkpoints that are kept."""
        return self.root / "checkpoint"

    @property
    def pending(self) -> Path:
        """Checkpoints that wait for the evaluator."""
        return self.root / "pending"

    @property
    def pending_closed(self) -> Path:
        """Exists when no further checkpoint will come: the evaluator may end."""
        return self.pending / "closed"

    @property
    def detections(self) -> Path:
        return self.root / "detections"

    def detections_at(self, step: int) -> Path:
        return self.detections / f"step-{step}.npz"

    @property
    def groundtruth(self) -> Path:
        return self.detections / "groundtruth.npz"

    @property
    def train_events(self) -> Path:
        """TensorBoard files of the trainer."""
        return self.root / "train"

    @property
    def eval_events(self) -> Path:
        """TensorBoard files of the evaluator."""
        return self.root / "eval"

    @property
    def metrics_csv(self) -> Path:
        return self.root / "metrics.csv"

    def checkpoints(self) -> list[int]:
        """The numbers N of the whole checkpoints `ckpt-N` in this folder, ascending (reads it)."""
        return checkpoint_numbers(self.root)

    def pending_checkpoints(self) -> list[int]:
        """The numbers of the checkpoints that wait for the evaluator, ascending (reads it)."""
        return checkpoint_numbers(self.pending)

    def evaluated_steps(self) -> list[int]:
        """The steps that have an evaluation, ascending (reads the folder)."""
        names = (path.name for path in self.detections.glob("step-*.npz"))
        return sorted(int(found[1]) for name in names if (found := _STEP.fullmatch(name)))

    def put_pending(self, number: int) -> None:
        """Hand `ckpt-number` to the evaluator: rotation cannot take it away any more.

        The index comes last, since a checkpoint counts as whole when its index is there.
        """
        parts = sorted(self.root.glob(f"ckpt-{number}.data-*"))
        for part in (*parts, self.root / f"ckpt-{number}.index"):
            files.link_or_copy(part, self.pending / part.name)

    def drop_pending(self, number: int) -> None:
        """Take `ckpt-number` out of the queue; the index goes first (see `put_pending`)."""
        (self.pending / f"ckpt-{number}.index").unlink(missing_ok=True)
        for part in self.pending.glob(f"ckpt-{number}.data-*"):
            part.unlink(missing_ok=True)


def checkpoint_numbers(folder: Path) -> list[int]:
    """The numbers N of the checkpoints `ckpt-N` in a folder, ascending; whole ones only."""
    if not folder.is_dir():
        return []
    names = (path.name for path in folder.iterdir())
    return sorted(int(found[1]) for name in names if (found := _INDEX.fullmatch(name)))
