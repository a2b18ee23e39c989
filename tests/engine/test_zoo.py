"""Every single-shot detector that was published trains, stops, resumes and is evaluated."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from odapi_runner.engine.evaluate import EvaluationRun
from odapi_runner.engine.train import Options, train
from odapi_runner.formats.detections import read_detections
from odapi_runner.formats.runlog import read_events
from odapi_runner.metrics import COCO_METRICS, LOSS_TAGS
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline, without_fine_tuning
from odapi_runner.proto.text import render_pipeline
from odapi_runner.rundir import RunDir
from odapi_runner.workspace import Workspace
from support.event_files import losses_of
from support.workspaces import make_workspace
from support.zoo import ZOO

SSDS = [name for name, sample in ZOO.items() if sample.extractor.startswith("ssd_")]
# One of each kind of box predictor; efficientdet-d0 is what test_train.py and test_evaluate.py use.
QUICK = {"ssd-mobilenet-v2-320", "ssd-mobilenet-v2-fpnlite-320"}
# The data, and what makes a training small; nothing else of the published config is changed.
SMALL = (
    "image_size=128",
    "batch_size=2",
    "num_classes=3",
    "label_map=data/kitti/label_map.pbtxt",
    "train_records=[data/kitti/train-*.record]",
    "eval_records=[data/kitti/val-*.record]",
)
OPTIONS = Options(checkpoint_every=2, seed=3, log_every=1)
STEPS, STOPPED = 4, 2


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One dataset for all of them."""
    return make_workspace(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For runs, whose checkpoints are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def small_config(name: str, workspace: Workspace, folder: Path) -> Path:
    """The published config of a detector, small and from scratch."""
    message = build_pipeline(name, Changes(SMALL), workspace).message
    path = folder / "pipeline.config"
    path.write_text(render_pipeline(without_fine_tuning(message)), encoding="utf-8")
    return path


def stopped_run(uninterrupted: RunDir, folder: Path) -> RunDir:
    """What a run leaves that was stopped as the uninterrupted one made its second checkpoint."""
    run = RunDir(folder)
    folder.mkdir()
    for path in uninterrupted.root.glob("ckpt-2.*"):
        shutil.copy(path, folder)
    return run


def evaluated(config: Path, run: RunDir) -> Mapping[str, float]:
    """The metrics of a run's last checkpoint, as its evaluator leaves them."""
    EvaluationRun(config, run).evaluate_checkpoint(run.root, 3)
    return read_detections(run.detections_at(STEPS)).metrics


def test_the_published_single_shot_detectors_are_eighteen() -> None:
    """EfficientDet-D0 to D7, four of MobileNets, two sizes of three ResNets."""
    assert len(SSDS) == 18
    assert set(SSDS) > QUICK


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in SSDS]
)
def test_a_published_detector_trains_stops_resumes_and_is_evaluated(
    name: str, workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses after a stop are those of the uninterrupted run, with augmentation on."""
    monkeypatch.chdir(workspace.root)
    config = small_config(name, workspace, folder)
    uninterrupted = RunDir(folder / "uninterrupted")
    train(config, uninterrupted, OPTIONS, num_steps=STEPS)
    resumed = stopped_run(uninterrupted, folder / "resumed")
    train(config, resumed, OPTIONS, num_steps=STEPS)
    expected, found = losses_of(uninterrupted), losses_of(resumed)

    started = [event for event in read_events(resumed) if event["kind"] == "started"]
    assert [(event["step"], event["resumed"]) for event in started] == [(STOPPED, True)]
    assert sorted(expected) == [1, 2, 3, 4]
    assert sorted(found) == [3, 4]
    for step in found:
        for tag in LOSS_TAGS.values():
            assert found[step][tag] == pytest.approx(expected[step][tag], rel=2e-3, abs=1e-6), tag
    metrics = evaluated(config, resumed)
    assert metrics.keys() >= {*(metric.tag for metric in COCO_METRICS), *LOSS_TAGS.values()}
    assert all(math.isfinite(value) for value in metrics.values())
