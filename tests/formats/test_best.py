"""The best checkpoint of a run, outside the rotation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odapi_runner.formats.best import Best, keep_best, read_best
from odapi_runner.formats.checkpoint_state import write_checkpoint_state
from odapi_runner.rundir import RunDir, checkpoint_numbers, link_checkpoint
from support.checkpoints import write_checkpoint


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path / "신호등 d0")
    for number in range(1, 5):
        write_checkpoint(run.root / f"ckpt-{number}", {"w": (2,)}, step=100 * number)
    run.config.write_text("# a config\n")
    return run


def keep(run: RunDir, number: int, by: str = "mAP", **metrics: float) -> bool:
    return keep_best(run, run.config, run.root, number, 100 * number, by, metrics)


def test_the_best_stays_and_the_older_one_goes(run: RunDir) -> None:
    """Of equal ones the earlier; with its config, its metrics and what TensorFlow looks for."""
    assert [keep(run, 1, mAP=0.1), keep(run, 2, mAP=0.3), keep(run, 3, mAP=0.3)] == [
        True,
        True,
        False,
    ]
    for number in run.checkpoints():
        for path in run.root.glob(f"ckpt-{number}.*"):
            path.unlink()  # the rotation

    assert read_best(run) == Best(2, 200, "mAP", {"mAP": 0.3})
    assert checkpoint_numbers(run.best) == [2]
    assert sorted(path.name for path in run.best.iterdir()) == [
        "checkpoint",
        "ckpt-2.data-00000-of-00001",
        "ckpt-2.index",
        "metrics.json",
        "pipeline.config",
    ]
    assert (run.best / "checkpoint").read_text() == (
        'model_checkpoint_path: "ckpt-2"\nall_model_checkpoint_paths: "ckpt-2"\n'
    )
    assert json.loads((run.best / "metrics.json").read_text())["step"] == 200


def test_a_loss_is_better_the_lower_it_is(run: RunDir) -> None:
    """By another metric than before all are compared by that one."""
    keep(run, 1, mAP=0.2, loss_total=3.0)
    keep(run, 2, mAP=0.1, loss_total=1.0)
    assert read_best(run) == Best(1, 100, "mAP", {"mAP": 0.2, "loss_total": 3.0})

    assert keep(run, 3, "loss_total", mAP=0.1, loss_total=2.0)
    assert not keep(run, 4, "loss_total", mAP=0.3, loss_total=2.5)


def test_without_groundtruth_nothing_is_best(run: RunDir) -> None:
    assert not keep(run, 1, loss_total=1.0)
    assert read_best(run) is None
    assert not run.best.exists()


def test_an_interruption_leaves_one_that_is_whole(run: RunDir) -> None:
    """Before `metrics.json` is written the older one counts; the evaluator does it again."""
    keep(run, 1, mAP=0.1)
    link_checkpoint(run.root, 2, run.best)
    write_checkpoint_state(run.best, [2])

    assert (read_best(run) or Best(0, 0, "mAP", {})).number == 1
    assert checkpoint_numbers(run.best) == [1, 2]
    assert keep(run, 2, mAP=0.3)
    assert (read_best(run) or Best(0, 0, "mAP", {})).number == 2
    assert checkpoint_numbers(run.best) == [2]


def test_a_file_that_is_none_is_no_best(run: RunDir) -> None:
    run.best.mkdir()
    for text in ("", "{", "[]", '{"number": 1}'):
        (run.best / "metrics.json").write_text(text)
        assert read_best(run) is None
