"""COCO's twelve numbers of a data set of COCO's size, against pycocotools and faster-coco-eval.

    python benchmarks/coco.py --rounds 3

draws groundtruth and detections, and in one process lets each compute the twelve in turn: odapi
from the arrays that a run stores, the others from the dictionaries that COCO's files hold, whose
making and indexing are not counted. Prints the machine, the commit, and median, minimum and maximum
of every figure, in seconds of processors, so that other processes matter little; ratios are of one
round. Stops where the twelve differ by more than a millionth.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import print_heading, show, show_ratios

from odapi_runner import coco
from odapi_runner.formats.detections import Found, GroundTruth
from odapi_runner.metrics import COCO_METRICS

BOXES = 7  # of an image, as in COCO's val2017
SAME = 1e-6


def draw(images: int, classes: int, detections: int) -> tuple[GroundTruth, Found]:
    """Boxes of all sizes, detections near them and anywhere; a class is as likely as in COCO."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, classes + 1)
    count = images * BOXES
    boxes = np.concatenate(
        [rng.uniform(0, 400, (count, 2)), np.exp(rng.uniform(2, 5.5, (count, 2)))], axis=1
    )
    truth = GroundTruth(
        source_ids=np.arange(images).astype(np.str_),
        sizes_hw=np.full((images, 2), 640),
        image=np.repeat(np.arange(images), BOXES),
        boxes_xywh_px=boxes,
        classes=rng.choice(classes, count, p=shares / shares.sum()) + 1,
        is_crowd=rng.random(count) < 0.01,
        area=boxes[:, 2] * boxes[:, 3] * rng.uniform(0.4, 1, count),
        class_ids=np.arange(1, classes + 1),
        class_names=np.arange(1, classes + 1).astype(np.str_),
    )
    image = np.repeat(np.arange(images), detections)
    near = image * BOXES + rng.integers(0, BOXES, len(image))
    off = rng.normal(0, 0.15, (len(image), 4)) * np.tile(boxes[near, 2:], 2)
    wrong = rng.random(len(image)) < 0.3
    any_class = rng.choice(classes, len(image), p=shares / shares.sum()) + 1
    found = Found(
        image=image,
        boxes_xywh_px=(boxes[near] + off).clip(1).astype(np.float32),
        classes=np.where(wrong, any_class, truth.classes[near]),
        scores=rng.beta(1, 4, len(image)).astype(np.float32),
    )
    return truth, found


def dictionaries(truth: GroundTruth, found: Found) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as COCO's files have them."""
    common = {
        "images": [{"id": number} for number in range(len(truth.source_ids))],
        "categories": [{"id": number} for number in truth.class_ids.tolist()],
    }

    def rows(**columns: Any) -> list[dict[str, Any]]:
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [
            dict(zip(columns, row, strict=True)) | {"id": i + 1} for i, row in enumerate(values)
        ]

    wanted = rows(
        image_id=truth.image,
        category_id=truth.classes,
        bbox=truth.boxes_xywh_px,
        area=truth.area,
        iscrowd=truth.is_crowd.astype(int),
    )
    boxes = found.boxes_xywh_px.astype(np.float64)
    offered = rows(
        image_id=found.image,
        category_id=found.classes,
        bbox=boxes,
        area=boxes[:, 2] * boxes[:, 3],
        score=found.scores,
        iscrowd=np.zeros(len(boxes), int),
    )
    return common | {"annotations": wanted}, common | {"annotations": offered}


def pycocotools(wanted: dict[str, Any], offered: dict[str, Any]) -> tuple[float, list[float]]:
    """Seconds, and the twelve numbers."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def indexed(dataset: dict[str, Any]) -> Any:
        held = COCO()
        held.dataset = dataset
        held.createIndex()
        return held

    return _timed(lambda: COCOeval(indexed(wanted), indexed(offered), "bbox"))


def faster_coco_eval(wanted: dict[str, Any], offered: dict[str, Any]) -> tuple[float, list[float]]:
    """Seconds, and the twelve numbers."""
    from faster_coco_eval import COCO, COCOeval_faster

    return _timed(lambda: COCOeval_faster(COCO(wanted), COCO(offered), "bbox"))


def _timed(build: Callable[[], Any]) -> tuple[float, list[float]]:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = build()
        begun = time.process_time()
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return time.process_time() - begun, list(evaluation.stats)[:12]


def odapi(truth: GroundTruth, found: Found) -> tuple[float, list[float]]:
    """Seconds, and the twelve numbers."""
    begun = time.process_time()
    metrics = coco.evaluate(truth, found)
    return time.process_time() - begun, [metrics[one.tag] for one in COCO_METRICS]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--detections", type=int, default=100, help="of an image")
    asked = parser.parse_args()

    print_heading(
        f"{asked.images} images, {asked.classes} classes, {asked.detections} detections each, s"
    )
    truth, found = draw(asked.images, asked.classes, asked.detections)
    wanted, offered = dictionaries(truth, found)
    times: dict[str, list[float]] = {"pycocotools": [], "faster-coco-eval": [], "odapi": []}
    for _ in range(asked.rounds):
        told = {
            "pycocotools": pycocotools(wanted, offered),
            "faster-coco-eval": faster_coco_eval(wanted, offered),
            "odapi": odapi(truth, found),
        }
        off = np.abs(np.array(told["odapi"][1]) - told["pycocotools"][1]).max()
        if off > SAME:
            raise SystemExit(f"the numbers differ by {off:.1e}")
        for name, (seconds, _) in told.items():
            times[name].append(seconds)
    for name, seconds in times.items():
        show(name, seconds)
        if name != "odapi":
            show_ratios(seconds, times["odapi"])
    print(f"largest difference from pycocotools: {off:.1e}; mAP {told['odapi'][1][0]:.3f}")


if __name__ == "__main__":
    main()
