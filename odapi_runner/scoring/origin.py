"""The figures of the benchmark that a dataset comes from, beside COCO's.

Data converted from KITTI are measured as KITTI does, data converted from Pascal VOC as VOC does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odapi_runner.errors import DataError
from odapi_runner.formats.dataset import ANNOTATIONS, common_format, read_annotations
from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.metrics import (
    VOC_2007_TAG,
    VOC_2012_TAG,
    VOC_CATEGORY_TAG,
    kitti_tag,
)
from odapi_runner.scoring.kitti import build_objects, evaluate_kitti
from odapi_runner.scoring.voc import evaluate_voc, mean_precision


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the records of an evaluation come from.

    Attributes:
        format: what they were converted from.
        objects: what KITTI's annotations say of each image, by source id.
    """

    format: str
    objects: dict[str, list[dict[str, Any]]]


def read_origin(images: Mapping[str, Path]) -> Origin | None:
    """The origin of images; None where they come from several formats or from elsewhere.

    Args:
        images: the record file of each image, by its source id.

    Raises:
        DataError: a dataset folder cannot be read, or its annotations lack an image.
    """
    folders: dict[Path, list[str]] = {}
    for source_id, path in images.items():
        folders.setdefault(path.parent, []).append(source_id)
    origin = common_format(folders)
    if origin == "voc":
        return Origin(origin, {})
    if origin != "kitti":
        return None
    objects: dict[str, list[dict[str, Any]]] = {}
    for folder, source_ids in folders.items():
        told = dict(read_annotations(folder))
        missing = [source_id for source_id in source_ids if source_id not in told]
        if missing:
            what = f'{folder / ANNOTATIONS}: lacks the image "{missing[0]}" of the records'
            raise DataError(what, fix="Convert the dataset again: odapi data convert kitti --help")
        objects |= {source_id: told[source_id] for source_id in source_ids}
    return Origin(origin, objects)


def evaluate_origin(origin: Origin, groundtruth: GroundTruth, found: Found) -> dict[str, float]:
    """The figures of the benchmark by tag; -1 where there is nothing to be found.

    Args:
        origin: of the groundtruth.
        groundtruth: what is to be found.
        found: the detections.
    """
    if origin.format == "voc":
        return voc_metrics(groundtruth, found)
    return _kitti(origin, groundtruth, found)


def voc_metrics(groundtruth: GroundTruth, found: Found) -> dict[str, float]:
    """Pascal VOC's figures by tag: both means, then each class, as the Object Detection API."""
    classes = evaluate_voc(groundtruth, found)
    mean = mean_precision(classes)
    of_classes = {f"{VOC_CATEGORY_TAG}{name}": one.voc2012 for name, one in classes.items()}
    return {VOC_2012_TAG: mean.voc2012, VOC_2007_TAG: mean.voc2007} | of_classes


def _kitti(origin: Origin, groundtruth: GroundTruth, found: Found) -> dict[str, float]:
    images = [
        [
            (item["name"], item["box_xyxy_px"], item["truncated"], item["occluded"])
            for item in origin.objects[source_id]
        ]
        for source_id in groundtruth.source_ids.tolist()
    ]
    told = evaluate_kitti(groundtruth, build_objects(images), found)
    return {kitti_tag(name, difficulty): value for (name, difficulty), value in told.items()}
