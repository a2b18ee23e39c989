"""Which checkpoints TensorFlow's own rotation leaves of a run that was interrupted and mended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorflow.python.checkpoint import checkpoint_management

from odapi_runner.formats.runlog import EventLog
from odapi_runner.rundir import RunDir
from odapi_runner.runs.mend import mend
from odapi_runner.runs.options import RunOptions

HALF_HOUR = 1800.0
BEGIN = 1_700_000_000.0
OPTIONS = RunOptions(keep=2, keep_every_hours=1.0)


class Saver:
    """Saves a checkpoint every half hour of a clock of its own, as a trainer does."""

    def __init__(self, run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.now = run, BEGIN
        clock = SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(checkpoint_management, "time", clock)
        self.start()

    def start(self) -> None:
        """Begin, or go on as a new process does."""
        self.step = tf.Variable(0, dtype=tf.int64)
        self.checkpoint = tf.train.Checkpoint(step=self.step)
        self.manager = tf.train.CheckpointManager(
            self.checkpoint,
            str(self.run.root),
            max_to_keep=OPTIONS.keep,
            keep_checkpoint_every_n_hours=OPTIONS.keep_every_hours,
        )
        if numbers := self.run.checkpoints():
            self.checkpoint.restore(str(self.run.root / f"ckpt-{numbers[-1]}"))

    def save(self) -> int:
        path = Path(self.manager.save()).with_suffix(".index")
        os.utime(path, (self.now, self.now))
        self.now += HALF_HOUR
        return int(path.stem.removeprefix("ckpt-"))

    def go_on(self) -> None:
        """As a resume: what a crash has left is mended first."""
        mend(self.run, OPTIONS, EventLog(self.run, "launch"))
        self.start()


def truncate_newest(saver: Saver, _: str) -> None:
    os.truncate(saver.run.root / f"ckpt-{saver.run.checkpoints()[-1]}.index", 7)
    saver.now -= HALF_HOUR  # it is saved again in its place


def kill_before_the_list(saver: Saver, before: str) -> None:
    saver.run.checkpoint_state.write_text(before)


def halve_the_list(saver: Saver, _: str) -> None:
    path = saver.run.checkpoint_state
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("accident", [truncate_newest, kill_before_the_list, halve_the_list])
@pytest.mark.parametrize("count", [2, 5, 6])
def test_an_accident_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accident: Callable[[Saver, str], None],
    count: int,
) -> None:
    """The newest two are kept, and one of each hour: as if nothing had happened.

    Of those saved at 0, 0.5, 1, … hours the third is the first whose turn to be removed comes when
    it is an hour older than the beginning, a second before the first save; then each other one.
    """
    saver = Saver(RunDir(tmp_path), monkeypatch)
    before = ""
    for _ in range(count):
        before = saver.run.checkpoint_state.read_text() if saver.run.checkpoints() else ""
        saver.save()
    accident(saver, before)
    saver.go_on()
    while saver.save() < 10:
        pass

    assert saver.run.checkpoints() == [3, 5, 7, 9, 10]
