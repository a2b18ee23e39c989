"""A training that odapi did not start: what lies in its folder, and whether it still runs.

`model_main_tf2` leaves checkpoints in its --model_dir, and event files in train/ and eval/ there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from odapi_runner import files
from odapi_runner.formats.best import keep_best
from odapi_runner.formats.checkpoint_state import write_checkpoint_state
from odapi_runner.formats.event_file import event_files, read_last_step, read_scalars
from odapi_runner.formats.runlog import EventLog
from odapi_runner.metrics import COCO_METRICS, LEARNING_RATE, columns_of
from odapi_runner.rundir import RunDir, drop_checkpoint, link_checkpoint
from odapi_runner.runs.checkpoints import Saved, saved_checkpoints
from odapi_runner.runs.process import ProcessId, identify

_PROGRAM = "model_main_tf2"
_FLAG = re.compile(r"--?(model_dir|checkpoint_dir|pipeline_config_path)(?:=(.*))?", re.DOTALL)
_KNOWN = ("DetectionBoxes_", "Loss/", LEARNING_RATE)  # what of an evaluation's tags is a metric


@dataclass(frozen=True, slots=True)
class Trainer:
    """A process that trains into a folder."""

    process: ProcessId
    config: Path | None


def find_trainer(folder: Path) -> Trainer | None:
    """The process of this machine that trains into a folder, if there is one."""
    import psutil  # the supervisor stays small without

    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if not any(_PROGRAM in word for word in words):
                continue
            flags, cwd = _flags(words), Path(process.cwd())
        except psutil.Error:  # it has ended, or is none of ours to look at
            continue
        trains = "model_dir" in flags and not flags.get("checkpoint_dir")
        if trains and (cwd / flags["model_dir"]).resolve() == folder.resolve():
            config = flags.get("pipeline_config_path")
            return Trainer(identify(process.pid), cwd / config if config else None)
    return None


def read_evaluations(folder: Path) -> dict[int, dict[str, float]]:
    """The metrics by tag of each step that was evaluated, ascending; the latest count."""
    found: dict[int, dict[str, float]] = {}
    for path in event_files(folder / "eval"):
        for step, tag, value in read_scalars(path):
            if tag.startswith(_KNOWN):
                found.setdefault(step, {})[tag] = value
    whole = {step: tags for step, tags in found.items() if COCO_METRICS[0].tag in tags}
    return dict(sorted(whole.items()))


def last_step(folder: Path, saved: Sequence[Saved]) -> int:
    """How far the training has come, by its checkpoints and by what it told last."""
    told = [read_last_step(path) or 0 for path in event_files(folder / "train")[-1:]]
    return max([*told, *(one.step for one in saved)], default=0)


def take_checkpoints(
    folder: Path, run: RunDir, seen: set[int], events: EventLog, keep: int | None = None
) -> list[Saved]:
    """Link what was saved since the last time into the run; returns it.

    Args:
        folder: of the training; it may be the run's own.
        run: the run.
        seen: the numbers that were taken before; the new ones join them.
        events: where they are told.
        keep: of a run that lies elsewhere than the training, so many stay; all by default.
    """
    new = []
    for one in saved_checkpoints(folder):
        if one.number in seen:
            continue
        try:
            link_checkpoint(folder, one.number, run.root)
        except FileNotFoundError:  # rotated away since it was seen
            drop_checkpoint(run.root, one.number)
            continue
        seen.add(one.number)
        events.write("checkpoint", number=one.number, step=one.step)
        new.append(one)
    if folder != run.root and new:
        for number in run.checkpoints()[:-keep] if keep else ():
            drop_checkpoint(run.root, number)
        write_checkpoint_state(run.root, run.checkpoints())
    return new


def take_event_files(folder: Path, run: RunDir) -> None:
    """Have TensorBoard's files in the run, too: as further names, or as copies."""
    for name in ("train", "eval"):
        for path in event_files(folder / name):
            target = run.root / path.relative_to(folder)
            if target.exists() and target.stat().st_size < path.stat().st_size:
                target.unlink()  # a copy of what it was
            files.link_or_copy(path, target)


def take_evaluations(
    run: RunDir,
    evaluations: Mapping[int, dict[str, float]],
    saved: Sequence[Saved],
    events: EventLog,
    best: str,
) -> None:
    """Make metrics of another program those of the run; what odapi has evaluated itself stays."""
    from odapi_runner.formats.detections import write_metrics  # with numpy
    from odapi_runner.formats.metrics_csv import rebuild_metrics_csv

    numbers = {one.step: one.number for one in saved}
    for step, metrics in evaluations.items():
        if run.detections_at(step).exists():
            continue
        write_metrics(run.detections_at(step), step, metrics)
        number = numbers.get(step)
        columns = columns_of(metrics)
        is_best = number is not None and keep_best(
            run, run.config, run.root, number, step, best, columns
        )
        shown = {one.column: metrics.get(one.tag) for one in COCO_METRICS[:2]}
        events.write("evaluated", number=number, step=step, best=is_best, **shown)
    if evaluations:
        rebuild_metrics_csv(run)


def _flags(words: Sequence[str]) -> dict[str, str]:
    """The flags that matter, written `--name=value` or `--name value`."""
    found = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if match := _FLAG.fullmatch(word):
            found[match[1]] = following if match[2] is None else match[2]
    return found
