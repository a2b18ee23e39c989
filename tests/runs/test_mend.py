"""What is put right of a run before it goes on; whole runs are in test_survival.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from odapi_runner.formats.best import Best, keep_best, read_best
from odapi_runner.formats.checkpoint_state import read_checkpoint_state, write_checkpoint_state
from odapi_runner.formats.detections import write_metrics
from odapi_runner.formats.metrics_csv import rebuild_metrics_csv
from odapi_runner.formats.runlog import EventLog, read_events
from odapi_runner.metrics import METRICS
from odapi_runner.rundir import RunDir, checkpoint_numbers, drop_checkpoint
from odapi_runner.runs.mend import mend
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.metric import read_rows
from odapi_runner.runs.policies.reject import reject_infinite
from support.checkpoints import write_checkpoint

MakeRun = Callable[..., RunDir]
MAP = "DetectionBoxes_Precision/mAP"
SCORES = {1: 0.2, 2: 0.3, 3: 0.1, 4: 0.5}  # by number


def save(run: RunDir, number: int, *, fill: bytes = b"\0", score: float | None = None) -> None:
    """Save ckpt-N of step 10 N, and evaluate it."""
    write_checkpoint(run.root / f"ckpt-{number}", {"w": (2,)}, step=10 * number, fill=fill)
    EventLog(run, "train").write("checkpoint", number=number, step=10 * number)
    if score is None:
        return
    run.put_pending(number)
    write_metrics(run.detections_at(10 * number), 10 * number, {MAP: score})
    rebuild_metrics_csv(run)
    keep_best(run, run.config, run.pending, number, 10 * number, "mAP", {"mAP": score})
    EventLog(run, "eval").write("evaluated", number=number, step=10 * number)
    run.drop_pending(number)


def put_right(run: RunDir, keep: int = 7) -> list[str]:
    """The kinds of what is told."""
    events = EventLog(run, "supervise")
    since = events.now()
    mend(run, RunOptions(keep=keep), events)
    return [event["kind"] for event in read_events(run) if event["time"] > since]


@pytest.fixture
def run(make_run: MakeRun) -> RunDir:
    """Of its four checkpoints the last one is the best."""
    made = make_run()
    for number, score in SCORES.items():
        save(made, number, score=score)
    return made


def best_of(run: RunDir) -> tuple[int, int, float] | None:
    """Number, step and score of what lies in `best/`, and of nothing else there."""
    best = read_best(run)
    numbers = checkpoint_numbers(run.best)
    if best is None:
        assert numbers == []
        return None
    assert numbers == [best.number]
    assert list(read_checkpoint_state(run.best).times) == [best.number]
    assert (run.best / "pipeline.config").read_bytes() == run.config.read_bytes()
    return best.number, best.step, best.score


def test_the_newest_checkpoint_is_the_best_and_damaged(run: RunDir) -> None:
    """`best/` has the same bytes: the second best takes its place until it is made again."""
    os.truncate(run.root / "ckpt-4.data-00000-of-00001", 5)

    assert put_right(run) == ["rejected", "mended"]
    assert best_of(run) == (2, 20, 0.3)
    assert read_rows(run).keys() == {10, 20, 30}
    assert put_right(run) == []
    save(run, 4, score=0.5)
    assert best_of(run) == (4, 40, 0.5)
    own, best = run.root / "ckpt-4.index", run.best / "ckpt-4.index"
    assert own.samefile(best)
    assert checkpoint_numbers(run.rejected) == [4]


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_the_best_one_is_damaged_and_rotated_away(run: RunDir, part: str) -> None:
    """The best of those that are left counts, and it is told; what was there is kept."""
    drop_checkpoint(run.root, 4)
    os.truncate(run.best / f"ckpt-4.{part}", 5)

    assert put_right(run) == ["mended"]
    assert best_of(run) == (2, 20, 0.3)
    (told,) = [event["what"] for event in read_events(run) if event["kind"] == "mended"]
    assert told.startswith("ckpt-4 is no longer the best one (")
    assert told.endswith("): of those left ckpt-2 of step 20 is")
    assert checkpoint_numbers(run.rejected) == [4]


def test_a_copy_of_the_best_one_is_damaged(run: RunDir) -> None:
    """Where a file system has no links the checkpoint itself is whole."""
    path = run.best / "ckpt-4.data-00000-of-00001"
    half = path.read_bytes()[:5]
    path.unlink()
    path.write_bytes(half)

    assert put_right(run) == ["mended"]
    assert best_of(run) == (4, 40, 0.5)
    assert path.samefile(run.root / path.name)
    (told,) = [event["what"] for event in read_events(run) if event["kind"] == "mended"]
    assert told.startswith("best/: ckpt-4 is put there anew (")


def test_no_checkpoint_is_left_to_be_the_best(make_run: MakeRun) -> None:
    run = make_run()
    save(run, 1, score=0.2)
    os.truncate(run.root / "ckpt-1.index", 0)

    assert put_right(run) == ["rejected", "mended"]
    assert best_of(run) is None
    assert not run.checkpoint_state.exists()
    assert read_rows(run) == {}


def test_weights_that_are_no_numbers_are_not_the_best(run: RunDir) -> None:
    """Their score goes with them."""
    save(run, 5, fill=b"\xff", score=0.9)
    assert best_of(run) == (5, 50, 0.9)
    reject_infinite(run, EventLog(run, "supervise"))

    assert put_right(run) == ["mended"]
    assert best_of(run) == (4, 40, 0.5)
    assert 50 not in read_rows(run)


def test_what_lies_beside_the_best_is_cut_short(run: RunDir) -> None:
    """Config and list are written again; a config that somebody has edited stays."""
    config = run.best / "pipeline.config"
    os.truncate(config, 20)
    (run.best / "checkpoint").write_text('model_checkpoint_path: "ckp')
    assert put_right(run) == []
    assert best_of(run) == (4, 40, 0.5)
    config.unlink()
    assert put_right(run) == []
    assert best_of(run) == (4, 40, 0.5)

    config.write_text("# mine\n")
    put_right(run)
    assert config.read_text() == "# mine\n"


def test_the_config_of_the_best_is_that_of_its_revision(run: RunDir) -> None:
    """What was changed after it was saved is not its config."""
    run.config_of(2).write_text("# another\n")
    EventLog(run, "launch").write("revised", revision=2)
    (run.best / "pipeline.config").unlink()
    put_right(run)

    assert (run.best / "pipeline.config").read_bytes() == run.config_of(1).read_bytes()


def test_an_account_of_what_is_to_be_found_is_cut_short(run: RunDir) -> None:
    """It is gone until the next evaluator writes it."""
    run.groundtruth.write_bytes(b"PK\x03\x04 half of it")

    assert put_right(run) == ["mended"]
    assert not run.groundtruth.exists()


def test_a_copy_in_the_queue_is_cut_short(run: RunDir) -> None:
    """Where it is no other name of the same file the queue gets it anew."""
    save(run, 5)
    run.put_pending(5)
    path = run.pending / "ckpt-5.data-00000-of-00001"
    half = path.read_bytes()[:5]
    path.unlink()
    path.write_bytes(half)

    assert put_right(run) == []
    assert run.pending_checkpoints() == []
    run.put_pending(5)
    assert path.samefile(run.root / path.name)


def test_a_leftover_of_another_checkpoint_of_that_number(run: RunDir) -> None:
    """Killed while it was dropped from the queue: its data is not that of the next one."""
    leftover = run.pending / "ckpt-4.data-00000-of-00001"
    leftover.write_bytes(b"of another")
    run.put_pending(4)

    assert leftover.samefile(run.root / leftover.name)


def saved_at(run: RunDir, number: int, time: float) -> None:
    os.utime(run.root / f"ckpt-{number}.index", (time, time))


def test_tensorflow_keeps_its_times(run: RunDir) -> None:
    """A rejection takes one from the list; of ckpt-1, which is there for good, nothing is said."""
    times = {2: 1000.5, 3: 2000.0, 4: 3000.0}
    write_checkpoint_state(run.root, [2, 3, 4], times=times, preserved=500.25)
    before = run.checkpoint_state.read_text()
    put_right(run)
    assert run.checkpoint_state.read_text() == before
    os.truncate(run.root / "ckpt-4.index", 0)
    put_right(run)

    assert run.checkpoint_state.read_text() == (
        'model_checkpoint_path: "ckpt-3"\n'
        'all_model_checkpoint_paths: "ckpt-2"\n'
        'all_model_checkpoint_paths: "ckpt-3"\n'
        "all_model_checkpoint_timestamps: 1000.5\n"
        "all_model_checkpoint_timestamps: 2000.0\n"
        "last_preserved_timestamp: 500.25\n"
    )


def test_a_checkpoint_that_tensorflow_was_killed_over(run: RunDir) -> None:
    """It joins the list by the time of its file."""
    saved_at(run, 4, 4000.0)
    write_checkpoint_state(run.root, [2, 3], times={2: 1000.5, 3: 2000.0}, preserved=500.25)
    put_right(run)

    state = read_checkpoint_state(run.root)
    assert state.times == {2: 1000.5, 3: 2000.0, 4: 4000.0}
    assert state.preserved == 500.25


@pytest.mark.parametrize("kept_lines", [0, 2, 3, 6])
def test_a_list_of_checkpoints_that_is_cut_short(run: RunDir, kept_lines: int) -> None:
    """Of --keep 3 the newest rotate; the one before stays for good, and the hours go on from it.

    Six lines are half of the times: the third of 3,000.0 is told as 3,0.
    """
    for number in SCORES:
        saved_at(run, number, 1000.0 * number)
    times = {number: 1000.0 * number for number in (2, 3, 4)}
    write_checkpoint_state(run.root, [2, 3, 4], times=times, preserved=1000.0)
    lines = run.checkpoint_state.read_text().splitlines(keepends=True)
    rest = lines[kept_lines][:-4] if kept_lines else ""
    run.checkpoint_state.write_text("".join(lines[:kept_lines]) + rest)
    put_right(run, keep=3)

    state = read_checkpoint_state(run.root)
    assert (state.times, state.preserved) == (times, 1000.0)


def test_a_score_that_is_no_number_is_not_the_best(make_run: MakeRun, tmp_path: Path) -> None:
    """Nothing would be better than it."""
    run = make_run()
    write_checkpoint(tmp_path / "ckpt-1", {"w": (2,)}, step=10)
    loss = next(metric for metric in METRICS if metric.startswith("loss"))

    assert not keep_best(run, run.config, tmp_path, 1, 10, loss, {loss: float("nan")})
    assert keep_best(run, run.config, tmp_path, 1, 10, loss, {loss: 2.0})
    assert read_best(run) == Best(1, 10, loss, {loss: 2.0})
