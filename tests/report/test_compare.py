"""The comparison of runs and logs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from odapi_runner.errors import OdapiError
from odapi_runner.metrics import COCO_METRICS, COLUMNS
from odapi_runner.report.compare import compare
from odapi_runner.report.exports.export import export
from odapi_runner.report.write import write_comparison
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.compared import rows, write_run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_each_run_is_at_its_best_step(workspace: Workspace) -> None:
    """The best mAP, the earlier of two equal ones; -1 is never best and never shown."""
    write_run(workspace.train / "a", {10: 0.25, 20: 0.5, 30: 0.5})
    write_run(workspace.train / "b", {10: -1.0, 20: 0.0})

    found = compare(workspace=workspace)

    assert rows(found, "run", "step", "mAP", "mAP_small", "loss_total") == [
        ["a", 20, 0.5, None, 2.0],
        ["b", 20, 0.0, None, 2.0],
    ]
    assert tuple(found.table.columns) == COLUMNS
    assert found.notes == ()


def test_the_last_or_any_step_can_be_asked_for(workspace: Workspace) -> None:
    """A run without that step has a row without metrics, and a note with the steps it has."""
    write_run(workspace.train / "a", {10: 0.5, 20: 0.25})
    write_run(workspace.train / "b", {20: 0.125})

    last = compare(workspace=workspace, at="last")
    tenth = compare(workspace=workspace, at=10)

    assert rows(last, "step", "mAP") == [[20, 0.25], [20, 0.125]]
    assert rows(tenth, "step", "mAP") == [[10, 0.5], [10, None]]
    assert tenth.notes == ("b: nothing at step 10, but 20",)


def test_what_differs_has_a_column_after_the_metrics(workspace: Workspace) -> None:
    """Config fields and options, by path, shortly named; what is equal has none."""
    clip = "gradient_clipping_by_norm: 10"
    write_run(workspace.train / "a", {10: 0.5}, options={"seed": 3})
    write_run(workspace.train / "b", {10: 0.5}, batch=8, more=clip)

    found = compare(workspace=workspace)

    # options.seed < train_config.batch_size < train_config.gradient_clipping_by_norm
    assert tuple(found.table.columns) == (
        *COLUMNS,
        "seed",
        "batch_size",
        "gradient_clipping_by_norm",
    )
    assert rows(found, "seed", "batch_size", "gradient_clipping_by_norm") == [
        [3, 4, 0.0],
        [1, 8, 10.0],
    ]


def test_a_field_whose_short_name_is_taken_or_doubled_has_its_path(workspace: Workspace) -> None:
    """Two fields `batch_size` differ, of training and of evaluation."""
    for name, batch in (("a", 1), ("b", 2)):
        folder = write_run(workspace.train / name, {10: 0.5}, batch=batch)
        with (folder / "pipeline.config").open("a", encoding="utf-8") as stream:
            stream.write(f" eval_config {{ batch_size: {batch} }}")

    found = compare(workspace=workspace)

    assert list(found.table.columns)[len(COLUMNS) :] == [
        "eval_config.batch_size",
        "train_config.batch_size",
    ]


def test_augmentations_have_a_column_each_by_what_they_hold(workspace: Workspace) -> None:
    """Present in some runs: what is written in it; in all: each value that differs."""
    step = "data_augmentation_options {{ {} }}".format
    flip, crop = step("random_horizontal_flip { }"), "random_crop_image { min_area: %s }"
    write_run(workspace.train / "a", {10: 0.5}, more=flip + step(crop % 0.25))
    write_run(workspace.train / "b", {10: 0.5}, more=step(crop % 0.5))
    write_run(
        workspace.train / "c", {10: 0.5}, more=step("random_adjust_hue { }") + step(crop % 0.5)
    )

    found = compare(workspace=workspace)

    assert rows(found, *list(found.table.columns)[len(COLUMNS) :]) == [
        [None, 0.25, "set"],
        [None, 0.5, None],
        ["set", 0.5, None],
    ]
    assert list(found.table.columns)[len(COLUMNS) :] == [
        "random_adjust_hue",
        "min_area",
        "random_horizontal_flip",
    ]


def test_what_is_no_number_is_an_empty_cell(workspace: Workspace) -> None:
    """The last one in any order; in JSON, as what is infinite, null."""
    for name, value in (("a", 0.25), ("b", math.nan), ("c", 0.5), ("d", math.inf)):
        write_run(workspace.train / name, {10: value})

    for sort, names in (("mAP", "dcab"), ("-mAP", "acdb")):
        found = compare(workspace=workspace, sort=[sort])
        assert rows(found, "run") == [[name] for name in names]
    assert rows(compare(workspace=workspace, where=["mAP="]), "run") == [["b"]]
    write_comparison(workspace.root / "x.json", found)
    told = json.loads((workspace.root / "x.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert [row["mAP"] for row in told] == [0.25, 0.5, None, None]


def test_of_a_folder_nothing_is_left_out_silently(workspace: Workspace) -> None:
    """Logs beside folders count, as in Ultralytics' `exp/`; what is no log is a note."""
    exp = workspace.root / "runs" / "exp"
    (exp / "weights").mkdir(parents=True)
    (exp / "results.csv").write_text("epoch,metrics/mAP50-95(B)\n1,0.25\n2,0.5\n", "utf-8")
    (exp / "args.yaml").write_text("epochs: 2\n", "utf-8")
    for name in "abcd":
        (exp / f"{name}.png").write_bytes(b"\x89PNG\0")

    found = compare([exp], workspace=workspace)

    assert rows(found, "run", "mAP") == [["results.csv", 0.5]]
    assert found.notes == (
        f"skipped {exp / 'weights'}: not a run",
        f"skipped 4 in {exp}: not a text (a.png, b.png, c.png, …)",
        f"skipped {exp / 'args.yaml'}: no metrics in this log",
    )


def test_runs_are_given_by_folder_by_name_or_by_the_shell(workspace: Workspace) -> None:
    """`train/*` holds a README: it is skipped with a note; each run counts once."""
    first = write_run(workspace.train / "a", {10: 0.5})
    write_run(workspace.train / "a-10", {10: 0.5})
    write_run(workspace.train / "a-2", {10: 0.5})
    readme = workspace.train / "README.md"
    readme.write_text("Runs lie here.\n", "utf-8")
    (workspace.train / "empty").mkdir()

    by_shell = compare(sorted(workspace.train.iterdir()), workspace=workspace)
    by_name = compare(["a-2", first, "a"], workspace=workspace)

    assert rows(by_shell, "run") == [["a"], ["a-10"], ["a-2"]]
    assert f"skipped {readme}: no metrics in this log" in by_shell.notes
    assert f"skipped {workspace.train / 'empty'}: empty" in by_shell.notes
    assert rows(by_name, "run") == [["a-2"], ["a"]]
    assert rows(compare([workspace.train], workspace=workspace), "run") == [
        ["a"],
        ["a-2"],
        ["a-10"],
    ]


def test_a_workspace_means_its_runs(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as a folder it is compared as it is from within."""
    for name, value in (("a", 0.5), ("b", 0.25)):
        write_run(workspace.train / name, {10: value})
        (workspace.train / name / "train").mkdir()
        (workspace.train / name / "train" / "events.out.tfevents.1").write_bytes(b"")
    workspace.mark()
    monkeypatch.chdir(workspace.root)

    from_within = compare(["."], workspace=workspace)
    from_outside = compare([workspace.root], workspace=Workspace(workspace.root / "other"))

    assert rows(from_within, "run", "mAP") == [["a", 0.5], ["b", 0.25]]
    assert rows(from_outside, "run", "mAP") == [["a", 0.5], ["b", 0.25]]


def test_a_run_without_an_evaluation_has_an_empty_row(workspace: Workspace) -> None:
    """It stands in the table with its settings, and a note says why there is no more."""
    folder = write_run(workspace.train / "a", {}, batch=8)
    write_run(workspace.train / "b", {10: 0.5})

    found = compare(workspace=workspace)

    assert rows(found, "run", "step", "mAP", "batch_size") == [
        ["a", None, None, 8],
        ["b", 10, 0.5, 4],
    ]
    assert found.notes == (f"{folder}: no evaluation yet",)
    assert compare(workspace=workspace, where=["run=b"]).notes == ()
    assert compare(workspace=workspace, at=20, where=["run!=b"]).notes == found.notes


def test_a_broken_evaluation_or_config_is_a_note(workspace: Workspace) -> None:
    """The rest of the run is still compared."""
    folder = write_run(workspace.train / "a", {10: 0.5})
    RunDir(folder).detections_at(20).write_bytes(b"no zip")
    RunDir(folder).config.write_text("train_config { batch_sise: 4 }", "utf-8")

    found = compare(workspace=workspace)

    assert rows(found, "step", "mAP") == [[10, 0.5]]
    assert len(found.notes) == 2
    assert "not an evaluation of odapi" in found.notes[0]
    assert 'no field "batch_sise"' in found.notes[1]


def test_metrics_csv_stands_for_detections_that_are_gone(workspace: Workspace) -> None:
    """Its columns are those of every table; a class has its tag for one."""
    tag = "DetectionBoxes_PerformanceByCategory/mAP/car"
    folder = workspace.train / "a"
    folder.mkdir(parents=True)
    text = f"step,mAP,mAP_small,loss_total,{tag}\n10,0.5,,1.0,0.75\n20,0.25,,0.5,0.5\n"
    (folder / "metrics.csv").write_text(text, "utf-8")

    found = compare([folder], workspace=workspace)

    assert rows(found, "run", "step", "mAP", "mAP_small", "loss_total", tag) == [
        ["a", 10, 0.5, None, 1.0, 0.75]
    ]
    (folder / "metrics.csv").write_bytes(b"\0\1")
    with pytest.raises(OdapiError, match="not a table of metrics"):
        compare([folder], workspace=workspace)


def test_a_training_log_has_a_row_of_losses(workspace: Workspace, tmp_path: Path) -> None:
    """The last step of it; of a step that was passed twice, the later time."""
    log = tmp_path / "train.log"
    lines = [
        f"Step {step} per-step time 0.5s loss={loss}.000\n"
        for step, loss in ((1, 4), (2, 3), (2, 1))
    ]
    log.write_text("".join(lines), "utf-8")
    run = write_run(workspace.train / "a", {10: 0.5})

    found = compare([log, run], workspace=workspace)

    assert rows(found, "run", "step", "mAP", "loss_total") == [
        ["train.log", 2, None, 1.0],
        ["a", 10, 0.5, 1.0],
    ]


def test_what_is_no_run_may_stand_beside_them(workspace: Workspace) -> None:
    """A baseline has a row of its own, under its name, before the settings' columns."""
    write_run(workspace.train / "a", {10: 0.5})
    write_run(workspace.train / "b", {10: 0.25}, batch=8)

    found = compare(
        workspace=workspace, others={"constant prediction": {COCO_METRICS[0].tag: 0.01}}
    )

    assert rows(found, "run", "mAP", "batch_size") == [
        ["a", 0.5, 4],
        ["b", 0.25, 8],
        ["constant prediction", 0.01, None],
    ]


def test_nothing_to_compare_is_said(workspace: Workspace, tmp_path: Path) -> None:
    """No run at all, one that is absent but for a letter, and a single thing that is none."""
    with pytest.raises(OdapiError, match="train: nothing to compare"):
        compare(workspace=workspace)
    write_run(workspace.train / "kitti-d0", {10: 0.5})
    with pytest.raises(OdapiError) as absent:
        compare(["kitti-d1"], workspace=workspace)
    with pytest.raises(OdapiError) as strange:
        compare(["nobody"], workspace=workspace)
    binary = tmp_path / "x.bin"
    binary.write_bytes(b"\0")
    with pytest.raises(OdapiError, match=r"x\.bin: not a text"):
        compare([binary], workspace=workspace)

    assert absent.value.what == "kitti-d1: there is no such run or log"
    assert absent.value.fix == 'Did you mean "kitti-d0"?'
    assert strange.value.fix == "Give a folder below train/, or a log. There are: kitti-d0"


def test_the_logs_of_the_real_model_main_tf2(reference: Path) -> None:
    """The evaluation has mAP 0.134822 at step 1000, the training its last losses."""
    found = compare(sorted((reference / "logs").glob("*.log")))

    assert rows(found, "run", "step", "mAP", "mAP_small", "loss_total", "learning_rate") == [
        ["model_main_tf2_eval.log", 1000, 0.134822, None, 1.043772, None],
        ["model_main_tf2_train.log", 1000, None, None, 0.6736965, 0.0],
    ]


def test_a_folder_of_logs_or_of_event_files_is_compared_too(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Logs by their names; what TensorFlow wrote below one folder is one run, named after it."""
    for name, value in (("a.log", 0.25), ("b.log", 0.5)):
        text = f"Eval metrics at step 7\n\t+ DetectionBoxes_Precision/mAP: {value:f}\n"
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / name).write_text(text, "utf-8")
    write_run(workspace.train / "x", {10: 0.75})
    export(["x"], to=f"tensorboard={tmp_path / 'tb'}", workspace=workspace)

    logs = compare([tmp_path / "logs"], workspace=workspace)
    events = compare([tmp_path / "tb" / "x"], workspace=workspace)

    assert rows(logs, "run", "step", "mAP") == [["a.log", 7, 0.25], ["b.log", 7, 0.5]]
    assert rows(events, "run", "step", "mAP") == [["x", 10, 0.75]]
