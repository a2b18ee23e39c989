"""Which evaluation of each run is compared."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.formats.runlog import EventLog
from odapi_runner.report.compare import compare
from odapi_runner.report.picking import Images, parse_at
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.compared import CONFIG, rows, write_run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("best", "best"),
        ("last", "last"),
        ("2000", 2000),
        ("images", Images()),
        ("images=16000", Images(16000)),
    ],
)
def test_what_can_be_asked_for(text: str, at: object) -> None:
    """As typed."""
    assert parse_at(text) == at


@pytest.mark.parametrize("text", ["first", "-1", "", "images=", "images=1e4", "best=3", "٣x"])
def test_all_else_is_refused(text: str) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=r'neither "best", "last", a step, "images"'):
        parse_at(text)


def test_the_best_may_be_by_any_metric(workspace: Workspace) -> None:
    """Of a loss the lowest; where no row has the metric, the last one."""
    write_run(workspace.train / "a", {10: 0.5, 20: 0.25})

    assert rows(compare(workspace=workspace, by="loss_total"), "step") == [[10]]
    assert rows(compare(workspace=workspace, by="mAP"), "step") == [[10]]
    assert rows(compare(workspace=workspace, by="mAP_50"), "step") == [[20]]


def test_the_best_may_be_by_a_metric_that_some_have(workspace: Workspace) -> None:
    """By its column; one that nobody has is refused with the nearest."""
    folder = workspace.train / "a"
    folder.mkdir(parents=True)
    table = "step,mAP,KITTI_AP40/Car (moderate)\n10,0.5,0.25\n20,0.25,0.75\n"
    (folder / "metrics.csv").write_text(table, "utf-8")

    found = compare(workspace=workspace, by="KITTI_AP40/Car (moderate)")

    assert rows(found, "step") == [[20]]
    with pytest.raises(OdapiError, match="no evaluation has the metric") as error:
        compare(workspace=workspace, by="KITTI_AP40/Car (moderat)")
    assert error.value.fix == 'Did you mean "KITTI_AP40/Car (moderate)"?'


def test_an_equal_budget_of_images_is_what_all_have_seen(workspace: Workspace) -> None:
    """40 images are ten steps of four and five of eight; accumulation counts.

    a: 4 a step, evaluated at 40 and 80 images; b: 8, at 40, 80 and 160; c: 4 twice a step, at 64.
    """
    write_run(workspace.train / "a", {10: 0.5, 20: 0.25})
    write_run(workspace.train / "b", {5: 0.1, 10: 0.2, 20: 0.3}, batch=8)
    write_run(workspace.train / "c", {8: 0.7}, options={"accumulate": 2})

    shared = compare(workspace=workspace, at=Images())
    few = compare(workspace=workspace, at=Images(60))

    assert rows(shared, "run", "step", "images", "mAP") == [
        ["a", 10, 40, 0.5],
        ["b", 5, 40, 0.1],
        ["c", 8, 64, 0.7],
    ]
    assert rows(few, "step") == [[10], [5], [None]]
    assert few.notes == ("c: no evaluation within 60 images",)


def test_a_log_has_seen_nobody_knows_how_many_images(workspace: Workspace) -> None:
    """It has no config: its row is empty, and a note says so."""
    write_run(workspace.train / "a", {10: 0.5})
    log = workspace.root / "eval.log"
    log.write_text("Eval metrics at step 7\n\t+ DetectionBoxes_Precision/mAP: 0.250000\n", "utf-8")

    found = compare([workspace.train / "a", log], workspace=workspace, at=Images())

    assert rows(found, "step", "images") == [[10, 40], [None, None]]
    assert found.notes == ("eval.log: how many images it has seen is not known: it has no config",)


def test_images_of_a_run_that_was_changed_on_the_way(workspace: Workspace) -> None:
    """From step 10 on with half the batch: 10 * 8 + 5 * 4 images at step 15."""
    run = RunDir(write_run(workspace.train / "a", {10: 0.5, 15: 0.6}, batch=8))
    trainer, supervisor = EventLog(run, "train"), EventLog(run, "supervise")
    trainer.write("started", step=0, resumed=False)
    run.config_of(2).write_text(CONFIG.format(batch=4, more=""), "utf-8")
    run.run_json_of(2).write_text(json.dumps({"options": {}}), "utf-8")
    supervisor.write("revised", revision=2, why="too little memory")
    trainer.write("started", step=10, resumed=True)

    found = compare(workspace=workspace, at=Images(100), steps=True)

    assert rows(found, "step", "images") == [[10, 80], [15, 100]]


def test_a_row_has_the_settings_with_which_it_was_trained(workspace: Workspace) -> None:
    """An adopted run, resumed at step 60 with half its batch: 60 * 4 + 10 * 2 images."""
    run = RunDir(write_run(workspace.train / "a", {50: 0.5, 60: 0.3, 70: 0.4}))
    write_run(workspace.train / "b", {50: 0.1})
    run.config_of(2).write_text(CONFIG.format(batch=2, more=""), "utf-8")
    run.run_json_of(2).write_text(json.dumps({"options": {"seed": 5, "keep": 7}}), "utf-8")
    EventLog(run, "launch").write("revised", revision=2, why="resumed")
    EventLog(run, "train").write("started", step=60, resumed=True)

    best = compare(workspace=workspace, at=70)
    each = compare(["a"], workspace=workspace, at=Images(), steps=True)

    assert rows(best, "run", "batch_size", "seed") == [["a", 2, 5], ["b", 4, 1]]
    assert "batch_size" not in compare(workspace=workspace).table.columns  # both best at step 50
    assert rows(each, "step", "images", "batch_size", "seed") == [
        [50, 200, 4, 1],
        [60, 240, 4, 1],
        [70, 260, 2, 5],
    ]
    assert rows(compare(workspace=workspace, where=["batch_size=4"]), "run") == [["a"], ["b"]]


def test_what_was_taken_back_was_trained_by_nobody(workspace: Workspace) -> None:
    """Revision 2 began at 60, and again at 40, as later checkpoints were damaged."""
    run = RunDir(write_run(workspace.train / "a", {60: 0.5}))
    run.config_of(2).write_text(CONFIG.format(batch=2, more=""), "utf-8")
    run.run_json_of(2).write_text(json.dumps({"options": {}}), "utf-8")
    trainer = EventLog(run, "train")
    trainer.write("started", step=0, resumed=False)
    EventLog(run, "launch").write("revised", revision=2, why="resumed")
    trainer.write("started", step=60, resumed=True)
    trainer.write("started", step=40, resumed=True)

    assert rows(compare(workspace=workspace, at=Images()), "images") == [[40 * 4 + 20 * 2]]


def test_every_checkpoint_may_have_a_row(workspace: Workspace) -> None:
    """In the order of the runs and of their steps; a run without any has an empty one."""
    write_run(workspace.train / "a", {20: 0.25, 10: 0.5})
    write_run(workspace.train / "b", {})

    assert rows(compare(workspace=workspace, steps=True), "run", "step", "mAP") == [
        ["a", 10, 0.5],
        ["a", 20, 0.25],
        ["b", None, None],
    ]


def test_a_table_of_metrics_newer_than_the_evaluations_is_read_instead(
    workspace: Workspace,
) -> None:
    """One file instead of a hundred; an evaluation that came after it counts again."""
    run = RunDir(write_run(workspace.train / "a", {10: 0.5}))
    written = run.detections.stat().st_mtime_ns
    run.metrics_csv.write_text("step,mAP\n10,0.125\n", "utf-8")
    os.utime(run.metrics_csv, ns=(written + 1, written + 1))
    from_table = compare(workspace=workspace)
    os.utime(run.detections, ns=(written + 2, written + 2))

    assert rows(from_table, "mAP") == [[0.125]]
    assert rows(compare(workspace=workspace), "mAP") == [[0.5]]
