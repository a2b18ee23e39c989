"""What must hold of a run of which every process has ended, however it ended."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from odapi_runner.errors import CheckpointError, DataError
from odapi_runner.formats.checkpoint_index import (
    check_shards,
    read_bytes,
    read_index,
    read_step,
    read_string,
)
from odapi_runner.formats.detections import read_groundtruth, read_metrics
from odapi_runner.formats.runlog import read_events
from odapi_runner.rundir import RunDir, checkpoint_numbers


def find_faults(run: RunDir, *, finished: bool = False) -> list[str]:
    """A sentence for each thing that is not as it must be.

    Args:
        run: nothing of it is to be alive.
        finished: whether everything has been trained and evaluated: then nothing may be open.
    """
    left = list(_leftovers(run)) if finished else []  # the next supervisor removes them
    return [*_orphans(run), *_half_written(run), *_miscounted(run, finished), *left]


def newest_whole(run: RunDir) -> tuple[int, int]:
    """Number and step of the newest checkpoint of which every byte is there; 0, 0 without any."""
    for number in reversed(run.checkpoints()):
        step = whole_step(run.root / f"ckpt-{number}")
        if step is not None:
            return number, step
    return 0, 0


def whole_step(prefix: Path) -> int | None:
    """The step of a checkpoint whose checksums are right; None where one is not."""
    try:
        index = read_index(prefix)
        check_shards(index)
        for name, entry in index.tensors.items():
            (read_string if entry.dtype == "string" else read_bytes)(index, name)
        return read_step(index)
    except CheckpointError:
        return None


def holders(run: RunDir) -> list[int]:
    """The processes that have the run's lock open: each of the run has, whoever started it."""
    there = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in there if pid != os.getpid() and _has_open(pid, run.lock)]


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(one.readlink() == path for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended meanwhile, or is another user's
        return False


def _orphans(run: RunDir) -> Iterator[str]:
    for pid in holders(run):
        yield f"process {pid} is left"


def _leftovers(run: RunDir) -> Iterator[str]:
    """Files that were being written aside."""
    for path in run.root.rglob(".*.tmp*"):
        yield f"{path.name} is left"


def _half_written(run: RunDir) -> Iterator[str]:
    for path in [*run.root.glob("[!.]*.json"), *run.best.glob("[!.]*.json")]:
        if not _is_json(path.read_text("utf-8")):
            yield f"{path.name} is no JSON"
    for path in run.events.glob("*.jsonl"):
        if not all(_is_json(line) for line in path.read_text("utf-8").splitlines()):
            yield f"{path.name} holds half a line"
    yield from _broken_evaluations(run)
    for number in checkpoint_numbers(run.best):
        if whole_step(run.best / f"ckpt-{number}") is None:
            yield f"best/ckpt-{number} is not whole"
    if run.metrics_csv.exists():
        columns, *rows = csv.reader(run.metrics_csv.read_text("utf-8").splitlines())
        if any(len(row) != len(columns) for row in rows):
            yield "metrics.csv holds half a row"


def _broken_evaluations(run: RunDir) -> Iterator[str]:
    try:
        for step in run.evaluated_steps():
            read_metrics(run.detections_at(step))
        if run.groundtruth.exists():
            read_groundtruth(run.groundtruth)
    except DataError as error:
        yield error.what


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        return False


def _miscounted(run: RunDir, finished: bool) -> Iterator[str]:
    """Each checkpoint that was saved is evaluated once, or left out with a word, or waits."""
    saved, evaluated, left_out = _tally(run)
    waiting = {*run.pending_checkpoints(), *([] if finished else run.checkpoints())}
    for number, step in saved.items():
        if evaluated[number] > 1:
            yield f"ckpt-{number} was evaluated {evaluated[number]} times"
        if not evaluated[number] and number not in left_out | waiting:
            yield f"ckpt-{number} was never evaluated"
        if evaluated[number] and not run.detections_at(step).exists():
            yield f"the evaluation of ckpt-{number}, step {step}, is gone"
    yield from _rows(run, finished)


def _tally(run: RunDir) -> tuple[dict[int, int], Counter[int], set[int]]:
    """By number: the steps of what was saved, how often it was evaluated, what was left out."""
    saved: dict[int, int] = {}
    evaluated: Counter[int] = Counter()
    left_out: set[int] = set()
    for event in read_events(run):
        kind, number = event["kind"], event.get("number")
        if kind == "checkpoint":
            saved[number] = event["step"]
        elif kind == "evaluated":
            evaluated[number] += 1
        elif kind in {"skipped", "unevaluated"}:
            left_out.add(number)
        elif kind in {"rejected", "rejected_evaluation"}:  # it is saved, or evaluated, again
            evaluated.pop(number, None)
            left_out.discard(number)
            if kind == "rejected":
                saved.pop(number, None)
    return saved, evaluated, left_out


def _rows(run: RunDir, finished: bool) -> Iterator[str]:
    """metrics.csv has a row an evaluation; the last one may be on its way."""
    rows = []
    if run.metrics_csv.exists():
        with run.metrics_csv.open(encoding="utf-8", newline="") as stream:
            rows = [int(row["step"]) for row in csv.DictReader(stream)]
    steps = run.evaluated_steps()
    if rows != sorted(set(rows)):
        yield "metrics.csv has a step twice, or not in order"
    if missing := set(rows) - set(steps):
        yield f"metrics.csv has rows without an evaluation: {sorted(missing)}"
    if len(behind := sorted(set(steps) - set(rows))) > (0 if finished else 1):
        yield f"metrics.csv lacks the evaluations of {behind}"
