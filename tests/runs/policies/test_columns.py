"""What an evaluation by a config will have: by its switches, its label map and its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from odapi_runner.errors import ConfigError
from odapi_runner.formats.label_map import build_label_map, write_label_map
from odapi_runner.proto.text import parse_pipeline
from odapi_runner.runs.options import RunOptions
from odapi_runner.runs.policies.columns import refuse_unmeasured
from odapi_runner.workspace import Workspace

READER = """
eval_input_reader {
  label_map_path: "data/label_map.pbtxt"
  tf_record_input_reader { input_path: "data/val-*.record" }
}
"""
EACH = "eval_config { include_metrics_per_category: true }"
ALL = "eval_config { all_metrics_per_category: true }"
SUPER = 'eval_config { super_categories { key: "탈것" value: "Car,Van: 2" } }'
VOC = 'eval_config { metrics_set: "pascal_voc_detection_metrics" }'


def refuse(
    folder: Path, metric: str, told: str, *, of: str = "coco", engine: str = "builtin"
) -> None:
    """Look at a metric of a config on data of a format, of the classes Car and `Van: 2`."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    write_label_map(data / "label_map.pbtxt", build_label_map(("Car", "Van: 2")))
    (data / "dataset.json").write_text(json.dumps({"source": {"format": of}}))
    (data / "val-00000.record").touch()
    config = parse_pipeline(READER + told, "a.config")
    options = RunOptions(early_stop=f"{metric}:patience=2")
    refuse_unmeasured(options, config, Workspace(folder), engine=engine)


@pytest.mark.parametrize(
    ("metric", "told", "of"),
    [
        ("AR_100", "", "coco"),
        ("DetectionBoxes_PerformanceByCategory/mAP/Van: 2", EACH, "coco"),
        ("DetectionBoxes_PerformanceByCategory/mAP/Car", ALL, "coco"),
        ("DetectionBoxes_Recall/AR@100 (small) ByCategory/Car", ALL, "coco"),
        ("DetectionBoxes_PerformanceBySuperCategory/탈것", SUPER, "coco"),
        ("VOC_2012", VOC, "coco"),
        ("VOC_2007", "", "voc"),
        ("PascalBoxes_PerformanceByCategory/AP@0.5IOU/Car", "", "voc"),
        ("KITTI_AP40/Car (hard)", "", "kitti"),
    ],
)
def test_what_an_evaluation_will_have(tmp_path: Path, metric: str, told: str, of: str) -> None:
    """Of a class, of several together, and of the benchmark that the data come from."""
    refuse(tmp_path, metric, told, of=of)


@pytest.mark.parametrize(
    ("metric", "told", "of", "fix"),
    [
        ("VOC_2012", "", "kitti", "There are KITTI_AP40/Car (easy), KITTI_AP40/Car (moderate), "),
        ("KITTI_AP40/Van: 2 (hard)", "", "kitti", "Did you mean "),
        ("KITTI_AP40/Car (hard)", "", "voc", "There are VOC_2012, VOC_2007, Pascal"),
        (
            "DetectionBoxes_PerformanceByCategory/mAP/Car",
            "",
            "coco",
            "Have it measured: -s eval_config.include_metrics_per_category=true",
        ),
        (
            "DetectionBoxes_PerformanceByCategory/mAP/car",
            EACH,
            "coco",
            'Did you mean "DetectionBoxes_PerformanceByCategory/mAP/Car"',
        ),
    ],
)
def test_what_it_will_not_have(tmp_path: Path, metric: str, told: str, of: str, fix: str) -> None:
    """With what is alike, or how it would be measured."""
    with pytest.raises(ConfigError) as raised:
        refuse(tmp_path, metric, told, of=of)

    assert raised.value.what == f'--early-stop: no evaluation of this config has a "{metric}"'
    assert raised.value.fix.startswith(fix)


def test_other_engines_have_metrics_of_their_own(tmp_path: Path) -> None:
    """With a slash in their names, as TensorBoard's tags have it."""
    refuse(tmp_path, "Loss/RPNLoss/objectness_loss", "", engine="tf-models")
    with pytest.raises(ConfigError):
        refuse(tmp_path, "Loss/RPNLoss/objectness_loss", "")


def test_what_cannot_be_read_is_left_to_the_check(tmp_path: Path) -> None:
    """Which names the place, and refuses it."""
    config = parse_pipeline(READER, "a.config")
    refuse_unmeasured(RunOptions(best="VOC_2012"), config, Workspace(tmp_path), engine="builtin")
