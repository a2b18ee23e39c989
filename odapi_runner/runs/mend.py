"""Before a run goes on: what a crash, a kill or a full disk has left is put right.

All of it is derived from what is whole: checkpoints, evaluations, events. Whoever calls this has
the run's lock, so nobody else writes there.
"""

from __future__ import annotations

import re
import shutil
import zipfile

from odapi_runner.formats.checkpoint_state import read_checkpoint_state, write_checkpoint_state
from odapi_runner.formats.rate import is_readable_rate
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.rundir import RunDir
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.best import mend_best
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
    _drop_groundtruth(run, events)
    _drop_half_pending(run)
    _list_checkpoints(run, options.keep)
    _mend_metrics(run)
    mend_best(run, options.best, events)
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


def _drop_groundtruth(run: RunDir, events: EventLog) -> None:
    """Remove an account of what is to be found that is cut short: each evaluator writes it."""
    if run.groundtruth.exists() and not zipfile.is_zipfile(run.groundtruth):
        run.groundtruth.unlink()
        what = f"{run.groundtruth.name}: cut short, the next evaluation writes it anew"
        events.write("mended", what=what)


def _drop_half_pending(run: RunDir) -> None:
    """Take copies out of the queue that are shorter than what they are of: they are put there anew.

    What is wrong with another name of the same file is found out when it is its turn.
    """
    for number in run.pending_checkpoints():
        for path in run.pending.glob(f"ckpt-{number}.*"):
            own = run.root / path.name
            if own.exists() and own.stat().st_size != path.stat().st_size:
                run.drop_pending(number)
                break


def _list_checkpoints(run: RunDir, keep: int) -> None:
    """Let TensorFlow know what it rotates: without those that are gone, with those it did not tell.

    Which ones are there for good (--keep-every-hours) is not in the list: of those that are not
    listed only newer ones are added. What has no time there gets that of its file.
    """
    there, told = run.checkpoints(), read_checkpoint_state(run.root)
    listed = [number for number in there if number in told.times]
    newer = [number for number in there if number > max(told.times, default=-1)]
    known = {number: time for number in listed if (time := told.times[number]) is not None}
    untold = [number for number in (*listed, *newer) if number not in known][-keep:]
    times = dict(sorted((known | {number: _saved_at(run, number) for number in untold}).items()))
    if times and (times != told.times or told.preserved is None):
        # The last that stays for good: of the others the newest, or none before the oldest.
        others = [_saved_at(run, number) for number in there if number not in times]
        preserved = told.preserved
        if preserved is None:
            preserved = min(max(others, default=float("inf")), min(times.values()) - 1)
        write_checkpoint_state(run.root, list(times), times=times, preserved=preserved)
    elif not times and told.times:
        write_checkpoint_state(run.root, [])


def _saved_at(run: RunDir, number: int) -> float:
    return (run.root / f"ckpt-{number}.index").stat().st_mtime


def _mend_metrics(run: RunDir) -> None:
    if sorted(read_rows(run)) != run.evaluated_steps():
        from odapi_runner.formats.metrics_csv import rebuild_metrics_csv  # with numpy

        rebuild_metrics_csv(run)
