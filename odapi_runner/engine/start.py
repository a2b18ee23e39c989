"""Where a training begins: at the newest checkpoint of its folder, or at the config's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from odapi_runner.engine.checkpoint import Restored, holds_model, numbered
from odapi_runner.engine.distribution import Replicas
from odapi_runner.engine.log import log
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import RunError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir


def start(trainer: Trainer, run: RunDir, events: EventLog) -> None:
    """Resume from the newest checkpoint of the run, else from the fine-tune checkpoint.

    Args:
        trainer: whose variables are restored.
        run: the folder of the checkpoints, the chief's.
        events: gets what was restored.

    Raises:
        CheckpointError: the checkpoint cannot be read, or does not fit.
        RunError: the chief goes on from a checkpoint that this worker does not see.
    """
    newest = _newest(run, trainer.replicas)
    if newest:
        restored: Restored | None = trainer.resume(numbered(run.root, newest))
    else:
        restored = trainer.fine_tune(Path.cwd())
    events.write("started", step=trainer.step, resumed=bool(newest))
    if trainer.frozen:
        log(f"{len(trainer.frozen)} variables are not trained, as train_config says")
        events.write("frozen", variables=trainer.frozen)
    if restored is None:
        log("Training from scratch")
    else:
        _tell(restored, trainer.step, events)


def _newest(run: RunDir, replicas: Replicas) -> int:
    """The number of the checkpoint to go on from, the same for all workers; 0 where there is none.

    The Object Detection API's first one, without weights, counts for none.
    """
    numbers = run.checkpoints()
    newest = int(replicas.agree(False, numbers[-1] if numbers else 0)[1])
    if newest and newest not in numbers:
        raise RunError(
            f"{run.root}: the chief goes on from ckpt-{newest}, which is not here",
            fix="Train in a folder on a disk that all workers share.",
        )
    if newest and not holds_model(numbered(run.root, newest)):
        log(f"ckpt-{newest} holds no weights, so there is nothing to go on from")
        return 0
    return newest


def _tell(restored: Restored, step: int, events: EventLog) -> None:
    log(
        f"Restored {len(restored.restored)} variables from {restored.path} at step {step}; "
        f"{len(restored.left_in_model)} keep their initial values, "
        f"{len(restored.left_in_file)} of the file were left; "
        f"{len(restored.compared)} compared with it"
    )
    for number in restored.overruled:
        log(f"{number}: the config counts")
    events.write("restored", **dataclasses.asdict(restored))
