"""`best/` of a run: the checkpoint with the best metric, which no rotation takes away.

    ckpt-N.*          the checkpoint       checkpoint     what TensorFlow reads to find it
    pipeline.config   of it                metrics.json   all of its metrics, and which decides

`metrics.json` says which checkpoint counts. It is written when the new one is there, and the older
one goes afterwards: whenever this is interrupted, the folder holds one that is whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from odapi_runner import files
from odapi_runner.formats.checkpoint_state import write_checkpoint_state
from odapi_runner.metrics import is_better
from odapi_runner.rundir import RunDir, checkpoint_numbers, drop_checkpoint, link_checkpoint

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Best:
    """The content of `metrics.json`."""

    number: int  # N of ckpt-N
    step: int
    by: str  # the metric
    metrics: Mapping[str, float]  # by column
    format: int = FORMAT

    @property
    def score(self) -> float:
        return self.metrics[self.by]


def read_best(run: RunDir) -> Best | None:
    """Which checkpoint is in `best/`; None where there is none, or no word of it."""
    try:
        return Best(**files.read_json(run.best / "metrics.json"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, TypeError):
        return None


def keep_best(
    run: RunDir,
    config: Path,
    folder: Path,
    number: int,
    step: int,
    by: str,
    metrics: Mapping[str, float],
) -> bool:
    """Keep an evaluated checkpoint where it is better than the best one so far.

    Args:
        run: whose `best/`.
        config: what the checkpoint was trained by.
        folder: where `ckpt-number` lies.
        number: its number.
        step: its step.
        by: the column that decides.
        metrics: of its evaluation, by column; without `by` (no groundtruth), or where that is no
            number, it is no candidate.

    Returns:
        Whether it is the best one now.
    """
    if by not in metrics or not math.isfinite(metrics[by]):
        return False
    before = read_best(run)
    if before and by in before.metrics and not is_better(by, metrics[by], before.metrics[by]):
        return before.number == number
    put_best(run, config, folder, Best(number, step, by, dict(metrics)))
    return True


def put_best(run: RunDir, config: Path, folder: Path, best: Best) -> None:
    """Put a checkpoint that lies in a folder, which may be `best/` itself, in the place of others.

    Args:
        run: whose `best/`.
        config: what the checkpoint was trained by.
        folder: where it lies.
        best: which it is.
    """
    link_checkpoint(folder, best.number, run.best)
    files.write_atomic(run.best / "pipeline.config", config.read_bytes())
    write_checkpoint_state(run.best, [best.number])
    files.write_json(run.best / "metrics.json", asdict(best))
    for other in checkpoint_numbers(run.best):
        if other != best.number:
            drop_checkpoint(run.best, other)


def drop_best(run: RunDir) -> None:
    """Empty `best/`: none that was evaluated is left."""
    (run.best / "metrics.json").unlink(missing_ok=True)
    write_checkpoint_state(run.best, [])
    (run.best / "pipeline.config").unlink(missing_ok=True)
    for number in checkpoint_numbers(run.best):
        drop_checkpoint(run.best, number)
