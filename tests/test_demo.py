"""The demo: what it would train is sound; the whole of it is a long test."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from odapi_runner.backends.check import check
from odapi_runner.demo import CONSTANT, PRESET, SETTINGS, VARIANTS
from odapi_runner.formats.example import decode_example
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.pipeline.overrides import Changes
from odapi_runner.pipeline.render import build_pipeline
from odapi_runner.proto.differences import differing_fields
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.report.baseline import constant_prediction
from odapi_runner.rundir import RunDir
from odapi_runner.runs.process import wait_until
from odapi_runner.runs.status import processes
from odapi_runner.workspace import Workspace

PUBLISHED, SMALLER = VARIANTS


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo's drawings, a third as many."""
    place = Workspace(tmp_path_factory.mktemp("demo"))
    draw_streets(place.root / "KITTI", images=100, seed=0)
    convert_kitti(place.root / "KITTI", place.data / "kitti")
    return place


def test_the_variants_differ_in_one_setting_and_have_no_fault(workspace: Workspace) -> None:
    """Both pass every check of config, records and engine; the anchors' scale is the question."""
    configs = [
        build_pipeline(PRESET, Changes((*SETTINGS, setting)), workspace).message
        for setting in VARIANTS.values()
    ]

    assert list(differing_fields(configs)) == [
        "model.ssd.anchor_generator.multiscale_anchor_generator.anchor_scale"
    ]
    for config in configs:
        found = check(config, workspace, every_record=True, from_scratch=True)
        # How well anchors fit is what the demo compares.
        assert {finding.rule for finding in found} <= {"anchors"}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_constant_prediction_finds_next_to_nothing(seed: int, tmp_path: Path) -> None:
    """The mean boxes stay below an mAP_50 of 0.05, so what is above was learned from images."""
    draw_streets(tmp_path / "KITTI", images=320, seed=seed)
    dataset = convert_kitti(tmp_path / "KITTI", tmp_path / "data", seed=seed)
    label_map = read_label_map(dataset.folder / "label_map.pbtxt")
    examples = (
        decode_example(data)
        for path in sorted(dataset.folder.glob("val-*.record"))
        for data in read_records(path)
    )
    built = build_groundtruth(examples, label_map)

    found = constant_prediction(
        sorted(dataset.folder.glob("train-*.record")), built.groundtruth, label_map
    )

    assert 0 <= found["DetectionBoxes_Precision/mAP@.50IOU"] < 0.05


@pytest.mark.tf
@pytest.mark.process
@pytest.mark.parametrize("first", ["supervisor", "trainer"])
def test_an_interrupted_demo_leaves_nothing_behind(first: str, tmp_path: Path) -> None:
    """Ctrl-C ends the training, too, though a run outlives its terminal otherwise.

    However early it comes: the demo may still be starting the run when its processes are there.
    """
    demo = subprocess.Popen(
        [sys.executable, "-m", "odapi_runner", "demo", "--keep", "demo"], cwd=tmp_path
    )
    run = RunDir(tmp_path / "demo" / "train" / PUBLISHED)
    assert wait_until(lambda: first in processes(run), 120)

    demo.send_signal(signal.SIGINT)

    assert demo.wait(120) == 1
    assert not processes(run)


@pytest.mark.long
@pytest.mark.tf
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_whole_demo(seed: int, tmp_path: Path) -> None:
    """The smaller anchors win, above an mAP_50 of 0.3, with each seed."""
    words = [sys.executable, "-m", "odapi_runner", "demo", "--keep", "demo", "--seed", str(seed)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)

    out = tmp_path / "demo" / "compare.csv"
    with out.open(encoding="utf-8") as stream:
        scores = {row["run"]: float(row["mAP_50"]) for row in csv.DictReader(stream)}
    assert str(Path("demo") / "compare.csv") in done.stdout
    assert list(scores) == [PUBLISHED, SMALLER, CONSTANT]
    assert scores[SMALLER] > 0.3
    assert scores[SMALLER] > scores[PUBLISHED] > scores[CONSTANT]
    assert scores[CONSTANT] < 0.05
