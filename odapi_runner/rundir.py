"""Every file name of a run (DESIGN.md 2), in one place.

pipeline.config  run.json  events/  progress-train.json  progress-eval.json  train.log  eval.log
checkpoint  ckpt-N.*  best/  pending/  detections/  train/  eval/  metrics.csv  rate.json

What is changed of a run on the way is a revision: `pipeline.2.config` and `run.2.json`, then 3, ….
It is there once its `run.N.json` is; the newest one counts.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from odapi_runner import files

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_PLAIN = re.compile(r"[\w.+-]+")  # letters of any script: `shlex` would quote Korean, too
_REVISION = re.compile(r"run\.(\d+)\.json")
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

    def revision(self) -> int:
        """The newest revision; 1 is what the run was started as (reads the folder)."""
        if not files.is_folder(self.root):  # a mistyped name may be none that a file can have
            return 1
        names = (path.name for path in self.root.glob("run.*.json"))
        return max(
            (int(found[1]) for name in names if (found := _REVISION.fullmatch(name))), default=1
        )

    def config_of(self, revision: int) -> Path:
        return self.root / ("pipeline.config" if revision == 1 else f"pipeline.{revision}.config")

    def run_json_of(self, revision: int) -> Path:
        return self.root / ("run.json" if revision == 1 else f"run.{revision}.json")

    @property
    def config(self) -> Path:
        """The config that counts (reads the folder)."""
        return self.config_of(self.revision())

    @property
    def run_json(self) -> Path:
        """What counts of what was asked (reads the folder)."""
        return self.run_json_of(self.revision())

    @property
    def rate(self) -> Path:
        """By what the supervisor wants the learning rate to be multiplied; absent: by 1."""
        return self.root / "rate.json"

    @property
    def best(self) -> Path:
        """The checkpoint with the best metric, outside the rotation (`formats.best`)."""
        return self.root / "best"

    @property
    def start(self) -> Path:
        """The checkpoint of another run that this one began with."""
        return self.root / "start"

    @property
    def rejected(self) -> Path:
        """Checkpoints that are not to be gone on from: their weights are not finite."""
        return self.root / "rejected"

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
    def slurm(self) -> Path:
        """Scripts and logs of its jobs, on a cluster."""
        return self.root / "slurm"

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
        """Hand `ckpt-number` to the evaluator: rotation cannot take it away any more."""
        link_checkpoint(self.root, number, self.pending)

    def drop_pending(self, number: int) -> None:
        """Take `ckpt-number` out of the queue."""
        drop_checkpoint(self.pending, number)


def checkpoint_numbers(folder: Path) -> list[int]:
    """The numbers N of the checkpoints `ckpt-N` in a folder, ascending; whole ones only."""
    if not folder.is_dir():
        return []
    names = (path.name for path in folder.iterdir())
    return sorted(int(found[1]) for name in names if (found := _INDEX.fullmatch(name)))


def link_checkpoint(folder: Path, number: int, target: Path) -> None:
    """Link or copy `ckpt-number` into another folder; another one of that number there goes.

    The index comes last, since a checkpoint counts as whole when its index is there.
    """
    parts = (*sorted(folder.glob(f"ckpt-{number}.data-*")), folder / f"ckpt-{number}.index")
    if any(_is_other(target / part.name, part) for part in parts):
        drop_checkpoint(target, number)
    for part in parts:
        files.link_or_copy(part, target / part.name)


def _is_other(there: Path, part: Path) -> bool:
    """Whether there is a file of that name which is no other name of the same one."""
    return there.exists() and not there.samefile(part)


def drop_checkpoint(folder: Path, number: int) -> None:
    """Remove `ckpt-number` from a folder; the index goes first (see `link_checkpoint`)."""
    (folder / f"ckpt-{number}.index").unlink(missing_ok=True)
    for part in folder.glob(f"ckpt-{number}.data-*"):
        part.unlink(missing_ok=True)
