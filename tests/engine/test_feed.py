"""The batches as the loop takes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from odapi_runner.engine.feed import Feed
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.records import Records
from odapi_runner.engine.source import Source
from odapi_runner.formats.runlog import EventLog, Progress, read_progress
from odapi_runner.proto.text import read_pipeline
from odapi_runner.rundir import RunDir
from support.workspaces import make_workspace, write_config


def test_a_slow_pipeline_is_told_while_it_is_waited_for(tmp_path: Path) -> None:
    """TensorFlow lets other threads run meanwhile; the heartbeat says what is waited for."""
    workspace = make_workspace(tmp_path)
    spec = build_spec(read_pipeline(write_config(workspace, "num_steps=2")))
    source = Source(Records(spec.train_input, workspace.root, seed=0), max_bad=0)
    run = RunDir(tmp_path / "run")
    progress = Progress(run, "train")
    asleep: list[bool] = []

    def slow() -> Iterator[int]:
        yield 1
        asleep.append(True)
        time.sleep(2.5)
        asleep.append(False)
        yield 2

    told: list[bool] = []

    def tell() -> None:
        told.append(asleep[-1])
        progress.write("waiting for input", force=True)

    batches = tf.data.Dataset.from_generator(slow, output_signature=tf.TensorSpec((), tf.int32))
    feed = Feed(batches, source, EventLog(run, "train"), tell)

    assert [int(batch) for batch in feed] == [1, 2]
    assert told.count(True) in {1, 2}
    assert feed.wait.seconds > 2
    assert (read_progress(run, "train") or {})["phase"] == "waiting for input"
