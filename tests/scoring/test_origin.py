"""The figures of the benchmark that data come from: datasets as converted, then measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odapi_runner.errors import DataError
from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.formats.example import decode_example
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.tfrecord import read_records
from odapi_runner.metrics import column_of, columns_of
from odapi_runner.records.draw import draw_streets
from odapi_runner.records.kitti import convert_kitti
from odapi_runner.records.voc import convert_voc
from odapi_runner.scoring.origin import evaluate_origin, read_origin

VOC = """<annotation><size><width>200</width><height>100</height></size>{}</annotation>"""
OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>10</ymin>"
    "<xmax>{}</xmax><ymax>60</ymax></bndbox></object>"
)


def read_truth(folder: Path) -> tuple[GroundTruth, dict[str, Path]]:
    """The groundtruth of a dataset's validation records, and the file of each image."""
    found = [
        (decode_example(one, str(path)), path)
        for path in sorted(folder.glob("val-*.record"))
        for one in read_records(path)
    ]
    label_map = read_label_map(folder / "label_map.pbtxt")
    truth = build_groundtruth([example for example, _ in found], label_map).groundtruth
    return truth, {example.source_id: path for example, path in found}


def find_all(truth: GroundTruth, but: int = 0) -> Found:
    """All boxes but crowds found exactly, less the first few."""
    rows = np.flatnonzero(~truth.is_crowd)[but:]
    return Found(
        image=truth.image[rows],
        boxes_xywh_px=truth.boxes_xywh_px[rows],
        classes=truth.classes[rows],
        scores=np.linspace(1, 0.5, len(rows)),
    )


@pytest.fixture(scope="module")
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Street scenes in KITTI's form, all of them for validation but one."""
    root = tmp_path_factory.mktemp("kitti")
    draw_streets(root / "KITTI", images=24, seed=0, size_hw=(160, 480))
    convert_kitti(root / "KITTI", root / "data", val_fraction=0.9)
    return root / "data"


def test_data_of_kitti_are_measured_as_kitti_does(kitti: Path) -> None:
    """Each class at each difficulty: highest where all are found, 0 where nothing is."""
    truth, images = read_truth(kitti)
    origin = read_origin(images)
    assert origin is not None

    told = evaluate_origin(origin, truth, find_all(truth))
    fewer = evaluate_origin(origin, truth, find_all(truth, but=len(truth.image) // 2))
    none = evaluate_origin(origin, truth, find_all(truth, but=len(truth.image)))

    assert list(told) == [
        f"KITTI_AP40/{name} ({difficulty})"
        for name in ("Car", "Pedestrian", "Cyclist")
        for difficulty in ("easy", "moderate", "hard")
    ]
    car = "KITTI_AP40/Car (hard)"
    assert told[car] > fewer[car] > none[car] == 0


def test_nothing_to_be_found_is_an_empty_cell() -> None:
    """-1 is no figure, in KITTI's and VOC's columns as in COCO's."""
    tags = {"KITTI_AP40/Car (easy)": -1.0, "PascalBoxes_Precision/mAP@0.5IOU": -1.0, "Loss/x": -1.0}

    assert columns_of(tags) == {"Loss/x": -1.0}
    assert column_of("PascalBoxes_Precision/mAP@0.5IOU") == "VOC_2012"
    assert column_of("PascalBoxes_Precision/mAP@0.5IOU (2007)") == "VOC_2007"


def test_data_of_voc_are_measured_as_voc_does(tmp_path: Path) -> None:
    """Two classes, one of them difficult throughout: the mean is that of the other."""
    for folder in ("images", "xml"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        Image.new("RGB", (200, 100)).save(tmp_path / "images" / f"{number}.png")
        objects = OBJECT.format("cat", 0, 10, 60) + OBJECT.format("dog", 1, 100, 150)
        (tmp_path / "xml" / f"{number}.xml").write_text(VOC.format(objects), "utf-8")
    convert_voc(tmp_path / "images", tmp_path / "xml", tmp_path / "data", val_fraction=0.5)
    truth, images = read_truth(tmp_path / "data")
    origin = read_origin(images)
    assert origin is not None

    told = evaluate_origin(origin, truth, find_all(truth, but=2))

    # One of two cats is found: recall 0 to 0.5 are 6 of the 11 points.
    assert told == {
        "PascalBoxes_Precision/mAP@0.5IOU": pytest.approx(0.5),
        "PascalBoxes_Precision/mAP@0.5IOU (2007)": pytest.approx(6 / 11),
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU/cat": pytest.approx(0.5),
        "PascalBoxes_PerformanceByCategory/AP@0.5IOU/dog": -1.0,
    }


def test_images_of_two_datasets_keep_their_own_objects(kitti: Path, tmp_path: Path) -> None:
    """A source id of the one may be another image in the other, of a split that is not used."""
    (tmp_path / "dataset.json").write_text('{"source": {"format": "kitti"}}', "utf-8")
    _, images = read_truth(kitti)
    other = next(iter(images))
    lines = [json.dumps({"source_id": name, "objects": []}) for name in (other, "mine")]
    (tmp_path / "annotations.jsonl").write_text("\n".join(lines), "utf-8")

    origin = read_origin(images | {"mine": tmp_path / "one.record"})

    assert origin is not None
    assert origin.objects[other]
    assert origin.objects["mine"] == []


def test_records_from_elsewhere_have_no_origin(kitti: Path, tmp_path: Path) -> None:
    """A folder without dataset.json, alone or beside KITTI's, is measured as COCO does only."""
    _, images = read_truth(kitti)

    assert read_origin({"a": tmp_path / "one.record"}) is None
    assert read_origin(images | {"a": tmp_path / "one.record"}) is None


def test_annotations_that_are_cut_short_or_of_other_images_are_told(tmp_path: Path) -> None:
    """The place and the remedy, not a figure of half of the objects."""
    (tmp_path / "dataset.json").write_text('{"source": {"format": "kitti"}}', "utf-8")
    notes = tmp_path / "annotations.jsonl"
    images = {"7": tmp_path / "val.record"}

    with pytest.raises(DataError, match=r"annotations\.jsonl: No such file"):
        read_origin(images)
    notes.write_text('{"source_id": "1", "objects": []}\n{"source_id": "2", "obj', "utf-8")
    with pytest.raises(DataError, match=r"annotations\.jsonl:2: not an image's annotations"):
        read_origin(images)
    notes.write_text('{"source_id": "1", "objects": []}\n', "utf-8")
    with pytest.raises(DataError, match=r'annotations\.jsonl: lacks the image "7"'):
        read_origin(images)
    (tmp_path / "dataset.json").write_text('{"source": ', "utf-8")
    with pytest.raises(DataError, match=r"dataset\.json: not the summary of a dataset"):
        read_origin(images)
