"""What is exported of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from odapi_runner.report.exports.export import export, parse_target
from odapi_runner.report.exports.exported import build_exported
from odapi_runner.report.sources import read_sources
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace


def test_settings_numbers_and_files_of_a_run(workspace: Workspace) -> None:
    """Every field that its config writes and every option; -1 is no number; no checkpoints."""
    (source,), _ = read_sources(["a"], workspace)
    run = RunDir(source.path)
    (run.root / "ckpt-1.index").write_bytes(b"")

    found = build_exported(source, "a")

    assert found.settings == {
        "train_config.batch_size": 4,
        "train_config.data_augmentation_options[random_horizontal_flip]": "set",
        "train_config.data_augmentation_options[random_crop_image].random_crop_image.min_area": 0.1,
        "train_config.num_steps": 20,
        "options.seed": 1,
        "options.keep": 7,
    }
    assert dict(found.numbers) == {
        10: {"mAP": 0.25, "loss_total": 1.0},
        20: {"mAP": 0.5, "loss_total": 2.0},
    }
    assert found.files == (run.config, run.run_json, run.log("train"))
    assert found.started == datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC).timestamp()


def test_a_run_keeps_its_id_and_another_has_another(workspace: Workspace) -> None:
    """Whatever becomes of it: it is the run that was started then under that name."""
    (source,), _ = read_sources(["a"], workspace)
    before = build_exported(source, "a").id
    RunDir(source.path).detections_at(20).unlink()
    log = RunDir(source.path).log("train")

    (later,), _ = read_sources(["a"], workspace)
    (other,), _ = read_sources([log], workspace)

    assert build_exported(later, "x").id == before
    assert build_exported(other, "a").id != before


def test_a_log_tells_its_training(workspace: Workspace) -> None:
    """By step; it is its own file."""
    log = workspace.train / "a" / "train.log"
    (source,), _ = read_sources([log], workspace)

    found = build_exported(source, "train.log")

    assert dict(found.numbers) == {
        10: {"train/loss_total": 2.5},
        20: {"train/loss_total": 1.5},
    }
    assert (found.settings, found.files, found.started) == ({}, (log,), None)


def test_an_experiment_of_a_notebook_tells_what_it_says(tmp_path: Path) -> None:
    """Its settings with those of the one before; where it names no step, its metrics are at 0."""
    notes = tmp_path / "notes.txt"
    told = "2\n  =\n    mAP = 0.75\n  set\n    train_config { batch_size: 8 }\n"
    told += "1\n  =\n    mAP = 0.5\n    global_step = 9\n  set\n    train_config { num_steps: 7 }\n"
    notes.write_text(told, "utf-8")
    sources, _ = read_sources([notes], Workspace(tmp_path))

    first, second = (build_exported(source, source.name) for source in sources)

    assert first.settings == {"train_config.num_steps": 7}
    assert second.settings == {"train_config.batch_size": 8, "train_config.num_steps": 7}
    assert (first.numbers, second.numbers) == ({9: {"mAP": 0.5}}, {0: {"mAP": 0.75}})


def test_of_evaluations_without_a_step_the_last_one_is_exported(tmp_path: Path) -> None:
    """Whole, at 0: nothing of an earlier one stands beside it."""
    path = tmp_path / "coco.log"
    line = " Average Precision  (AP) @[ IoU={} | area=   all | maxDets=100 ] = {:.3f}\n"
    first = line.format("0.50:0.95", 0.25) + line.format("0.50     ", 0.5)
    path.write_text(first + line.format("0.50:0.95", 0.125), "utf-8")
    (source,), _ = read_sources([path], Workspace(tmp_path))

    assert build_exported(source, "coco.log").numbers == {0: {"mAP": 0.125}}


def test_a_place_may_stand_behind_the_program() -> None:
    """With signs of any kind in it."""
    assert parse_target("mlflow") == ("mlflow", "")
    assert parse_target("mlflow=http://h:5000/?a=b") == ("mlflow", "http://h:5000/?a=b")


def test_other_programs_are_refused(workspace: Workspace) -> None:
    """With the one that was meant, or all."""
    with pytest.raises(ValueError, match=r'nothing is exported to "mlfow"\. Did you mean "mlflow"'):
        export(["a"], to="mlfow", workspace=workspace)
    with pytest.raises(ValueError, match="There are mlflow, wandb, tensorboard"):
        export(["a"], to="x", workspace=workspace)
