"""The evaluation process: every checkpoint once, in order; its figures; what it leaves behind."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from odapi_runner.engine.evaluate import main
from odapi_runner.engine.evaluator import Evaluator
from odapi_runner.engine.read_config import build_spec
from odapi_runner.engine.trainer import Trainer
from odapi_runner.errors import ConfigError
from odapi_runner.formats.detections import read_detections, read_groundtruth, read_metrics
from odapi_runner.formats.example import decode_example, encode_example
from odapi_runner.formats.runlog import EventLog, read_events, read_progress
from odapi_runner.formats.tfrecord import RecordWriter, read_records
from odapi_runner.metrics import COCO_METRICS
from odapi_runner.proto.text import read_pipeline
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.report.logs import parse_log
from odapi_runner.rundir import RunDir
from odapi_runner.schedules import learning_rate
from odapi_runner.workspace import Workspace
from support.ssd_configs import ssd_config
from support.workspaces import make_workspace, write_config


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDir, str]:
    """Three checkpoints of two steps in the queue, evaluated by the process; and its log."""
    workspace = make_workspace(tmp_path_factory.mktemp("workspace"))
    config = write_config(workspace, "num_steps=2")
    run = RunDir(workspace.train / "run")
    run.pending.mkdir(parents=True)
    trainer = Trainer(build_spec(read_pipeline(config)))
    for step in (0, 5, 7):
        trainer._step.assign(step)
        run.put_pending(trainer.save(run.root, keep=7))
    run.pending_closed.touch()
    EventLog(run, "train").write("rate_factor", step=0, factor=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        done = CliRunner(catch_exceptions=False).invoke(main, arguments(config, run))
    assert done.exit_code == 0
    return run, done.output


def arguments(config: Path, run: RunDir, *more: str) -> list[str]:
    return ["--config", str(config), "--run-dir", str(run.root), *more]


def test_every_checkpoint_is_evaluated_once_and_in_order(evaluated: tuple[RunDir, str]) -> None:
    """The queue is empty, each step has its file, and the events tell the order."""
    run, _ = evaluated
    told = [
        (event["kind"], event.get("step"))
        for event in read_events(run)
        if event["kind"] not in {"data", "rate_factor"}
    ]

    assert told == [(kind, step) for step in (0, 5, 7) for kind in ("evaluating", "evaluated")]
    assert run.pending_checkpoints() == []
    assert run.evaluated_steps() == [0, 5, 7]
    progress = read_progress(run, "eval")
    assert progress is not None
    assert progress["phase"] == "done"


def test_the_log_is_that_of_model_main_tf2(evaluated: tuple[RunDir, str]) -> None:
    """odapi's own parser of the Object Detection API's logs reads the metrics of each step."""
    run, log = evaluated
    rows = parse_log(log.splitlines()).evaluations

    assert [row.step for row in rows] == [0, 5, 7]
    stored = read_detections(run.detections_at(7)).metrics
    for tag, value in rows[2].metrics.items():
        assert value == pytest.approx(stored[tag], abs=1e-6)
    assert log.count("Performing evaluation on 2 images.") == 3
    assert log.count(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all") == 3


def test_the_figures_are_pycocotools_on_the_stored_detections(
    evaluated: tuple[RunDir, str],
) -> None:
    """Loading groundtruth and detections into pycocotools gives the same twelve numbers."""
    run, _ = evaluated
    detections = read_detections(run.detections_at(7))

    ours = [detections.metrics[metric.tag] for metric in COCO_METRICS]
    assert ours == pytest.approx(pycocotools_stats(run, 7), abs=1e-9)


def pycocotools_stats(run: RunDir, step: int) -> list[float]:
    """The twelve numbers of pycocotools for the files of an evaluation."""
    truth, found = read_groundtruth(run.groundtruth), read_detections(run.detections_at(step))
    with contextlib.redirect_stdout(io.StringIO()):
        wanted = COCO()
        wanted.dataset = {
            "images": [{"id": number} for number in range(len(truth.source_ids))],
            "categories": [{"id": int(number)} for number in truth.class_ids],
            "annotations": [
                {
                    "id": row + 1,
                    "image_id": int(truth.image[row]),
                    "category_id": int(truth.classes[row]),
                    "bbox": truth.boxes_xywh_px[row].tolist(),
                    "area": float(truth.area[row]),
                    "iscrowd": int(truth.is_crowd[row]),
                }
                for row in range(len(truth.image))
            ],
        }
        wanted.createIndex()
        rows = np.column_stack(
            [found.image, found.boxes_xywh_px, found.scores, found.classes]
        ).astype(np.float64)
        evaluation = COCOeval(wanted, wanted.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def test_event_files_have_the_tags_and_pictures_of_the_object_detection_api(
    evaluated: tuple[RunDir, str],
) -> None:
    """A file for each checkpoint, at its step; metrics, losses and a picture an image."""
    run, _ = evaluated
    tags: dict[int, set[str]] = {}
    for path in run.eval_events.glob("events.out.tfevents.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags.setdefault(event.step, set()).update(value.tag for value in event.summary.value)

    assert {step for step, names in tags.items() if names} == {0, 5, 7}
    wanted = {metric.tag for metric in COCO_METRICS} | {"Loss/total_loss", "learning_rate"}
    wanted |= {"eval_side_by_side_0_0", "eval_side_by_side_1_0"}
    wanted |= {f"DetectionBoxes_PerformanceByCategory/mAP/{name}" for name in (
        "Car", "Pedestrian", "Cyclist"
    )}  # fmt: skip
    wanted |= {f"KITTI_AP40/{name} ({difficulty})" for name in ("Car", "Pedestrian", "Cyclist")
               for difficulty in ("easy", "moderate", "hard")}  # fmt: skip
    assert wanted <= tags[7]


def test_metrics_csv_has_a_row_a_checkpoint(evaluated: tuple[RunDir, str]) -> None:
    """Its columns are those of every table, and -1 is an empty cell."""
    run, _ = evaluated
    frame = pd.read_csv(run.metrics_csv)

    assert frame["step"].tolist() == [0, 5, 7]
    assert frame.columns[:3].tolist() == ["step", "mAP", "mAP_50"]
    assert not (frame[[metric.column for metric in COCO_METRICS]] == -1).any(axis=None)
    assert frame["mAP_large"].isna().all() == (
        read_detections(run.detections_at(0)).metrics["DetectionBoxes_Precision/mAP (large)"] == -1
    )


def test_the_rate_is_that_of_the_training(evaluated: tuple[RunDir, str]) -> None:
    """That of the schedule, times what a plateau has made of it."""
    run, _ = evaluated
    schedule = build_spec(read_pipeline(run.root.parent.parent / "small.config")).train.schedule
    _, metrics = read_metrics(run.detections_at(0))

    assert metrics["learning_rate"] == pytest.approx(learning_rate(schedule, 0) / 2)


def test_what_has_been_evaluated_is_not_evaluated_again(
    evaluated: tuple[RunDir, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that came back into the queue after a crash just leaves it."""
    run, _ = evaluated
    before = run.detections_at(5).stat().st_mtime_ns
    run.put_pending(2)
    monkeypatch.chdir(run.root.parent.parent)

    done = CliRunner(catch_exceptions=False).invoke(main, arguments(Path("small.config"), run))

    assert done.exit_code == 0
    assert run.pending_checkpoints() == []
    assert run.detections_at(5).stat().st_mtime_ns == before


def test_one_checkpoint_alone_gives_the_same_figures(
    evaluated: tuple[RunDir, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evaluated afterwards, in another process, the numbers are those of the evaluator."""
    run, _ = evaluated
    before = read_detections(run.detections_at(7))
    run.detections_at(7).unlink()
    monkeypatch.chdir(run.root.parent.parent)

    done = CliRunner(catch_exceptions=False).invoke(
        main, arguments(Path("small.config"), run, "--checkpoint", "3")
    )

    assert done.exit_code == 0
    after = read_detections(run.detections_at(7))
    assert after.metrics == pytest.approx(before.metrics, rel=1e-4, abs=1e-6)
    assert_same_boxes(after, before)


def assert_same_boxes(one: Any, other: Any) -> None:
    assert np.array_equal(one.image, other.image)
    np.testing.assert_allclose(np.sort(one.scores), np.sort(other.scores), atol=1e-5)


def test_a_watched_folder_is_evaluated_until_nothing_comes(
    evaluated: tuple[RunDir, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As model_main_tf2 with --checkpoint_dir: results go into the other folder."""
    run, _ = evaluated
    own = RunDir(tmp_path / "eval-only")
    own.root.mkdir()
    monkeypatch.chdir(run.root.parent.parent)
    more = ("--watch", str(run.root), "--timeout", "1")

    done = CliRunner(catch_exceptions=False).invoke(
        main, arguments(Path("small.config"), own, *more)
    )

    assert done.exit_code == 0
    assert own.evaluated_steps() == [0, 5, 7]
    assert "Timed-out waiting for a checkpoint." in done.output


def test_an_image_that_cannot_be_decoded_is_left_out_of_the_metrics(
    evaluated: tuple[RunDir, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named once, its boxes are not to be found, and the others keep their numbers."""
    run, _ = evaluated
    root = run.root.parent.parent
    data = root / "data" / "kitti"
    examples = [
        decode_example(one) for path in sorted(data.glob("val-*")) for one in read_records(path)
    ]
    bad = dataclasses.replace(examples[0], source_id="bad", encoded=examples[0].encoded[:100])
    with RecordWriter(tmp_path / "val.record") as writer:
        for example in (bad, *examples):
            writer.write(encode_example(example))
    workspace = Workspace(root)
    records = f"eval_records={tmp_path / 'val.record'}"
    config = write_config(workspace, records, "num_steps=2", name="bad")
    other = RunDir(tmp_path / "run")
    monkeypatch.chdir(root)
    for kept in run.root.glob("ckpt-3.*"):
        other.root.mkdir(exist_ok=True)
        (other.root / kept.name).symlink_to(kept)
    given = arguments(config, other, "--checkpoint", "3", "--max-bad-images", "0.5")
    assert CliRunner(catch_exceptions=False).invoke(main, given).exit_code == 0

    (event,) = [event for event in read_events(other) if event["kind"] == "bad_image"]
    assert event["where"] == f"{tmp_path / 'val.record'}: record 0"
    found = read_groundtruth(other.groundtruth)
    whole = read_groundtruth(run.groundtruth)
    assert found.source_ids.tolist() == whole.source_ids.tolist()
    assert found.image.tolist() == whole.image.tolist()
    # These records lie outside the dataset's folder, and so are not known to be KITTI's.
    metrics = read_detections(run.detections_at(7)).metrics
    plain = {tag: value for tag, value in metrics.items() if not tag.startswith("KITTI")}
    assert read_detections(other.detections_at(7)).metrics == pytest.approx(plain, abs=1e-5)


def test_images_of_many_sizes_are_evaluated_by_one_graph(tmp_path: Path) -> None:
    """Without padding an input is as large as its image makes it."""
    workspace = make_workspace(tmp_path)
    draw_streets(tmp_path / "wide", images=10, seed=1, size_hw=(64, 192))
    convert_kitti(tmp_path / "wide", workspace.data / "wide")
    config = ssd_config("ssd_mobilenet_v2", "train_config.batch_size=1")
    config.eval_config.metrics_set.append("pascal_voc_detection_metrics")
    resizer = config.model.ssd.image_resizer.keep_aspect_ratio_resizer
    resizer.min_dimension, resizer.max_dimension = 96, 128
    for reader in (config.train_input_reader, config.eval_input_reader[0]):
        reader.label_map_path = "data/kitti/label_map.pbtxt"
        paths = reader.tf_record_input_reader.input_path
        paths[:] = ["data/kitti/val-*", "data/wide/train-*"]  # of other names
    spec = build_spec(config)
    number = Trainer(spec).save(workspace.train / "run", keep=1)
    evaluator = Evaluator(spec, workspace.root)
    done: list[tuple[int, int]] = []
    detections = evaluator.evaluate(
        str(workspace.train / "run" / f"ckpt-{number}"),
        lambda *counts: done.append(counts),
        lambda _: None,
    )

    assert {"KITTI_AP40/Car (easy)", "PascalBoxes_Precision/mAP@0.5IOU"} <= {*detections.metrics}
    assert done == [(image, 10) for image in range(1, 11)]
    assert set(detections.image) == set(range(10))
    sizes = evaluator.groundtruth.sizes_hw
    assert sizes.tolist() == [[192, 256]] * 2 + [[64, 192]] * 8
    right = detections.boxes_xywh_px[:, 0] + detections.boxes_xywh_px[:, 2]
    assert (right <= sizes[detections.image, 1] * 1.0001).all()


def test_super_categories_name_classes_of_the_label_map(tmp_path: Path) -> None:
    """Another name would silently count as nothing found."""
    workspace = make_workspace(tmp_path)
    spec = build_spec(read_pipeline(write_config(workspace)))
    wrong = dataclasses.replace(spec.evaluation, super_categories=(("people", ("pedestrian",)),))
    with pytest.raises(ConfigError) as caught:
        Evaluator(dataclasses.replace(spec, evaluation=wrong), workspace.root)

    assert caught.value.what == (
        'eval_config.super_categories "people": no class of the label map is shown as "pedestrian"'
    )
    assert caught.value.fix == 'Did you mean "Pedestrian"?'
