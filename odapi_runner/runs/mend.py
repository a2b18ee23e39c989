"""Before a run goes on: what a crash, a kill or a full disk has left is put right.

All of it is derived from what is whole: checkpoints, evaluations, events. Whoever calls this has
the run's lock, so nobody else writes there.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.best import FORMAT, Best, read_best, write_best
from odapi_runner.formats.checkpoint_index import read_index, read_step
from odapi_runner.formats.checkpoint_state import read_checkpoint_state, write_checkpoint_state
from odapi_runner.formats.rate import is_readable_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.metrics import is_better
from odapi_runner.rundir import RunDir, checkpoint_numbers
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.metric import read_rows
from odapi_runner.runs.policies.plateau import parse_plateau
from odapi_runner.runs.policies.rate import set_rate
from odapi_runner.runs.policies.reject import reject_damaged

# `files.replacing`, and TensorFlow's folder for what a checkpoint is put together from.
_ASIDE = re.compile(r"\..+\.\d+\.tmp(\..+)?")
_PARTS = re.compile(r"ckpt-\d+_temp")


def mend(run: RunDir, options: RunOptions, events: EventLog) -> None:
    """Put right whatever is not whole; what is taken away is told."""
    _remove_leftovers(run)
    reject_damaged(run, events)
    _reject_evaluations(run, events)
    _list_checkpoints(run, options.keep)
    _mend_metrics(run)
    _mend_best(run, options.best)
    if not is_readable_rate(run):
        rule = options.reduce_on_plateau
        set_rate(run, parse_plateau(rule) if rule else None, events)


def _remove_leftovers(run: RunDir) -> None:
    """Files that were being written aside, and halves of checkpoints that nobody looks at."""
    for folder in (run.root, run.pending, run.best, run.detections, run.rejected):
        for path in list(folder.glob("*")) if folder.is_dir() else []:
            if _ASIDE.fullmatch(path.name) and path.is_file():
                path.unlink()
            elif folder == run.root and _PARTS.fullmatch(path.name) and path.is_dir():
                shutil.rmtree(path)


def _reject_evaluations(run: RunDir, events: EventLog) -> None:
    """Move evaluations that are cut short away: their checkpoints are evaluated again."""
    told = [event for event in read_events(run, "eval") if event["kind"] == "evaluated"]
    for step in run.evaluated_steps():
        path = run.detections_at(step)
        if zipfile.is_zipfile(path):  # its table of contents comes last
            continue
        run.rejected.mkdir(exist_ok=True)
        path.replace(run.rejected / path.name)
        numbers = [event["number"] for event in told if event["step"] == step]
        what = f"{path.name}: cut short, its checkpoint is evaluated again if it is still there"
        number = numbers[-1] if numbers else None
        events.write("rejected_evaluation", number=number, step=step, what=what)


def _list_checkpoints(run: RunDir, keep: int) -> None:
    """Let TensorFlow know of checkpoints that it was killed over: it rotates those of its list.

    Which of the list are there for good (--keep-every-hours) is not in the list: none is added but
    newer ones.
    """
    there = run.checkpoints()
    listed = [number for number in read_checkpoint_state(run.root) if number in there]
    newer = [number for number in there if number > max(listed, default=-1)]
    if newer:
        write_checkpoint_state(run.root, [*listed, *newer[-keep:]])


def _mend_metrics(run: RunDir) -> None:
    if sorted(read_rows(run)) != run.evaluated_steps():
        from odapi_runner.formats.metrics_csv import rebuild_metrics_csv  # with numpy

        rebuild_metrics_csv(run)


def _mend_best(run: RunDir, by: str) -> None:
    """Write again what `best/` says of its checkpoint, by the table of metrics."""
    if read_best(run) is not None:
        return
    candidates = list(_best_candidates(run, by))
    best = next(iter(candidates), None)
    for other in candidates[1:]:
        if best is not None and is_better(by, other.metrics[by], best.metrics[by]):
            best = other
    if best is not None:
        write_best(run, best)


def _best_candidates(run: RunDir, by: str) -> Iterator[Best]:
    rows = read_rows(run)
    for number in checkpoint_numbers(run.best):
        try:
            step = read_step(read_index(run.best / f"ckpt-{number}"))
        except CheckpointError:
            continue
        if step is not None and by in rows.get(step, {}):
            yield Best(number, step, by, rows[step], FORMAT)
