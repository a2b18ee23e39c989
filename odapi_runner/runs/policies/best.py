"""`best/` after a damage or a rejection: a whole checkpoint, the best one of those still there."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import CheckpointError
from odapi_runner.formats.best import Best, drop_best, put_best, read_best
from odapi_runner.formats.checkpoint_index import read_index, read_step
from odapi_runner.formats.checkpoint_state import read_checkpoint_state, write_checkpoint_state
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.metrics import best_step
from odapi_runner.rundir import RunDir, checkpoint_numbers, link_checkpoint
from odapi_runner.runs.policies.metric import read_rows
from odapi_runner.runs.policies.reject import find_damage


def mend_best(run: RunDir, by: str, events: EventLog) -> None:
    """See that the checkpoint in `best/` is whole, and that the files beside it are of it.

    Args:
        run: whose metrics.csv is whole.
        by: the metric that decides.
        events: where it is told that another one is the best now.
    """
    best = read_best(run)
    why = None if best is None else _fault(run, best.number)
    if best is not None and why is None:
        _mend_beside(run, best.number)
        return
    elected = _elect(run, by)
    if best is not None:
        events.write("mended", what=_describe(best, str(why), elected and elected[1]))
        if best.number not in checkpoint_numbers(run.rejected):
            with contextlib.suppress(FileNotFoundError):
                link_checkpoint(run.best, best.number, run.rejected)
    if elected is not None:
        folder, found = elected
        put_best(run, config_of(run, found.number), folder, found)
    elif best is not None:
        drop_best(run)


def config_of(run: RunDir, number: int) -> Path:
    """The config that a checkpoint was trained by: the revision that counted when it was saved."""
    revision = saved_by = 1
    for event in read_events(run):
        if event["kind"] == "revised":
            revision = event["revision"]
        elif event["kind"] == "checkpoint" and event["number"] == number:
            saved_by = revision
    path = run.config_of(saved_by)
    return path if path.exists() else run.config


def _fault(run: RunDir, number: int) -> str | None:
    if number not in checkpoint_numbers(run.best):
        return "it is not there any more"
    return find_damage(run.best / f"ckpt-{number}")


def _describe(before: Best, why: str, now: Best | None) -> str:
    if now is not None and now.number == before.number:
        return f"best/: ckpt-{now.number} is put there anew ({why})"
    left = f"ckpt-{now.number} of step {now.step} is" if now else "none is"
    return f"ckpt-{before.number} is no longer the best one ({why}): of those left {left}"


def _elect(run: RunDir, by: str) -> tuple[Path, Best] | None:
    """The best whole one by the table of metrics, of equals the earlier, and where it lies."""
    found = list(_evaluated(run, by))
    while found:
        step = best_step(by, {best.step: best.score for _, best in found})
        folder, best = next(one for one in found if one[1].step == step)
        if find_damage(folder / f"ckpt-{best.number}") is None:
            return folder, best
        found.remove((folder, best))
    return None


def _evaluated(run: RunDir, by: str) -> Iterator[tuple[Path, Best]]:
    rows = read_rows(run)
    for folder in (run.best, run.root):
        for number in checkpoint_numbers(folder):
            try:
                step = read_step(read_index(folder / f"ckpt-{number}"))
            except CheckpointError:
                continue
            if step is not None and math.isfinite(rows.get(step, {}).get(by, math.nan)):
                yield folder, Best(number, step, by, rows[step])


def _mend_beside(run: RunDir, number: int) -> None:
    """Write the files anew that were cut short; a config that somebody has edited is none."""
    path, whole = run.best / "pipeline.config", config_of(run, number).read_bytes()
    there = path.read_bytes() if path.exists() else b""
    if there != whole and whole.startswith(there):
        files.write_atomic(path, whole)
    if list(read_checkpoint_state(run.best).times) != [number]:
        write_checkpoint_state(run.best, [number])
