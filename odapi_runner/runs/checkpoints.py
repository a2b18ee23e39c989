"""The checkpoints of a run by step, from the files themselves: whoever saved them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from odapi_runner import files
from odapi_runner.errors import CheckpointError, RunError
from odapi_runner.formats.best import read_best
from odapi_runner.formats.checkpoint_index import check_shards, read_index, read_step
from odapi_runner.formats.runlog import last_told
from odapi_runner.rundir import RunDir, checkpoint_numbers
from odapi_runner.runs.names import find_run
from odapi_runner.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that a training saved."""

    prefix: Path  # …/ckpt-N
    number: int
    step: int
    has_weights: bool  # the Object Detection API's first one may hold the step alone


def newest_checkpoint(run: RunDir) -> Saved | None:
    """The one to go on from; None where there is none that can be read."""
    return next(_newest_first(run.root), None)


def saved_checkpoints(folder: Path) -> list[Saved]:
    """Those of a folder that can be read, ascending by number."""
    return list(_newest_first(folder))[::-1]


def best_checkpoint(run: RunDir) -> Saved:
    """The one that is kept in `best/`.

    Raises:
        RunError: none is.
    """
    best = read_best(run)
    for one in _newest_first(run.best):
        if best is not None and one.number == best.number:
            return one
    raise RunError(
        f"{run.name}: no best checkpoint has been kept",
        fix=f"Evaluate those that are there: odapi eval {run.typed} --step all",
    )


def checkpoint_at(run: RunDir, step: int) -> Saved:
    """The newest one of a step that rotation has left.

    Raises:
        RunError: there is none.
    """
    there = list(_newest_first(run.root))
    for one in there:
        if one.step == step:
            return one
    steps = ", ".join(str(kept) for kept in sorted({one.step for one in there})) or "none"
    raise RunError(
        f"{run.name}: there is no checkpoint of step {step}",
        fix=f"Steps whose checkpoints are kept: {steps}",
    )


@dataclass(frozen=True, slots=True)
class Start:
    """Where a new run starts from: a checkpoint of another one."""

    run: RunDir
    saved: Saved

    @classmethod
    def find(cls, typed: str, place: Workspace) -> Self:
        """What `RUN`, `RUN@best` or `RUN@STEP` means; a name may hold an @, too.

        Raises:
            RunError: there is no such run, or no such checkpoint of it.
        """
        name, at, which = typed.rpartition("@")
        if not at or files.is_file(RunDir(place.train / typed).run_json):
            name, at, which = typed, "", ""
        run = find_run(name, place)
        if which == "best":
            return cls(run, best_checkpoint(run))
        if which.isdecimal():
            return cls(run, checkpoint_at(run, int(which)))
        if at:
            raise RunError(
                f'{run.name}: "{which}" is neither "best" nor a step',
                fix=f"As in --from {run.typed}@best; the newest checkpoint: --from {run.typed}",
            )
        newest = newest_checkpoint(run)
        if newest is None:
            raise RunError(
                f"{run.name}: it has no checkpoint to start from",
                fix="Wait until it has saved one, or give another run.",
            )
        _refuse_cut_short(run, newest)
        return cls(run, newest)

    def prefix(self, place: Workspace) -> str:
        """The checkpoint as a config names it."""
        path, root = self.saved.prefix.resolve(), place.root.resolve()
        return str(path.relative_to(root) if path.is_relative_to(root) else path)


def begin_with(prefix: str) -> tuple[str, ...]:
    """The overrides by which a training begins with all weights of a checkpoint."""
    name = "train_config.fine_tune_checkpoint"
    return f"{name}={prefix}", f"{name}_type=full", f"{name}_version=V2"


def _refuse_cut_short(run: RunDir, newest: Saved) -> None:
    """See that the newest checkpoint of a run is as long as its index says.

    Raises:
        RunError: it is not; what goes on with the run takes it away.
    """
    try:
        check_shards(read_index(newest.prefix))
    except CheckpointError as error:
        earlier = [one.step for one in _newest_first(run.root) if one.step < newest.step]
        trained = last_told(run, "train")["kind"] == "finished"
        fix = f"Mend the run: odapi resume {run.typed}{' --num-steps N' if trained else ''}"
        if earlier:
            typed = shlex.quote(f"{run.name}@{earlier[0]}")
            fix = f"Take an earlier one: odapi train --from {typed}. {fix}"
        raise RunError(error.what, fix=fix) from error


def _newest_first(folder: Path) -> Iterator[Saved]:
    for number in reversed(checkpoint_numbers(folder)):
        prefix = folder / f"ckpt-{number}"
        try:
            index = read_index(prefix)
            step = read_step(index)
        except CheckpointError:  # damaged: none to go on from
            continue
        if step is not None:
            has_weights = not index.is_object_based or any(
                key.startswith("model/") for key in index.tensors
            )
            yield Saved(prefix, number, step, has_weights)
