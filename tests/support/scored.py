"""Groundtruth and detections for tests of what is scored, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.scoring.masks import Masks

Box = tuple[int, int, list[float]]  # image, class, (xmin, ymin, width, height)


def build_groundtruth(
    boxes: list[Box],
    *,
    images: int = 1,
    classes: int = 1,
    crowd: tuple[int, ...] = (),
    area: list[float] | None = None,
) -> GroundTruth:
    """Groundtruth on `images` images; `crowd` holds indices of `boxes`."""
    corners = np.array([box for _, _, box in boxes], float).reshape(-1, 4)
    return GroundTruth(
        source_ids=np.array([f"{number}.jpg" for number in range(images)]),
        sizes_hw=np.full((images, 2), 500),
        image=np.array([image for image, _, _ in boxes], np.int64),
        boxes_xywh_px=corners,
        classes=np.array([number for _, number, _ in boxes], np.int64),
        is_crowd=np.isin(np.arange(len(boxes)), crowd),
        area=corners[:, 2] * corners[:, 3] if area is None else np.array(area),
        class_ids=np.arange(1, classes + 1),
        class_names=np.array([f"class {number}" for number in range(1, classes + 1)]),
    )


def build_found(found: Sequence[tuple[int, int, list[float], float]]) -> Found:
    """Detections from (image, class, box, score)."""
    return Found(
        image=np.array([item[0] for item in found], np.int64),
        classes=np.array([item[1] for item in found], np.int64),
        boxes_xywh_px=np.array([item[2] for item in found], np.float32).reshape(-1, 4),
        scores=np.array([item[3] for item in found], np.float32),
    )


def pycocotools_evaluation(truth: GroundTruth, found: Found, masks: Masks | None = None) -> Any:
    """A `COCOeval` that has evaluated and accumulated, of masks where there are some."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    from pycocotools.mask import area

    def dataset(annotations: list[dict[str, Any]]) -> Any:
        held = COCO()
        held.dataset = {
            "images": [
                {"id": number, "height": int(height), "width": int(width)}
                for number, (height, width) in enumerate(truth.sizes_hw)
            ],
            "categories": [{"id": int(number)} for number in truth.class_ids],
            "annotations": [
                annotation | {"id": number} for number, annotation in enumerate(annotations, 1)
            ],
        }
        held.createIndex()
        return held

    wanted = [
        {
            "image_id": int(truth.image[row]),
            "category_id": int(truth.classes[row]),
            "bbox": truth.boxes_xywh_px[row].tolist(),
            "area": float(truth.area[row]),
            "iscrowd": int(truth.is_crowd[row]),
        }
        for row in range(len(truth.image))
    ]
    offered = []
    for row in range(len(found.image)):
        box = [float(value) for value in found.boxes_xywh_px[row]]
        annotation = {"bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        annotation |= {"image_id": int(found.image[row]), "score": float(found.scores[row])}
        offered.append(annotation | {"category_id": int(found.classes[row])})
    with contextlib.redirect_stdout(io.StringIO()):
        if masks:
            for annotation, mask in zip(wanted, masks.wanted, strict=True):
                annotation["segmentation"] = mask
            for annotation, mask in zip(offered, masks.found, strict=True):
                annotation |= {"segmentation": mask, "area": float(area(mask))}
        kind = "segm" if masks else "bbox"
        evaluation = COCOeval(dataset(wanted), dataset(offered), kind)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def reference(
    truth: GroundTruth, found: Found, masks: Masks | None = None
) -> tuple[list[float], list[str]]:
    """pycocotools' twelve numbers and printed lines."""
    evaluation = pycocotools_evaluation(truth, found, masks)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        evaluation.summarize()
    return evaluation.stats.tolist(), printed.getvalue().splitlines()[-12:]


# Coordinates from a coarse grid, few scores and few sizes: ties of overlap and of score, boxes of
# no area, boxes exactly at COCO's limits of size (32 and 96 px) and exact duplicates are common.
_boxes = st.tuples(
    st.sampled_from([0.0, 10.0, 20.0]),
    st.sampled_from([0.0, 10.5, 32.0]),
    st.sampled_from([0.0, 16.0, 32.0, 64.0, 96.0]),
    st.sampled_from([16.0, 32.0, 96.0, 300.25]),
).map(list)
_place = (st.integers(0, 3), st.integers(1, 4))  # class 4 is not in the label map
WANTED = st.lists(st.tuples(*_place, _boxes), max_size=12)
OFFERED = st.lists(
    st.tuples(*_place, _boxes, st.sampled_from([0.0, 0.1, 0.5, 0.500001, 1.0])), max_size=30
)
