"""What was found beside what is there, drawn for TensorBoard.

Source of tag and layout: object_detection/model_lib_v2.py, `eval_side_by_side_{i}_{j}`: found on
the left, groundtruth on the right.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from odapi_runner.drawing import draw_boxes, name_of, writable_names
from odapi_runner.engine.spec.input import Evaluation
from odapi_runner.formats.detections import Detections, GroundTruth

MAX_SIDE = 640  # pixels; a picture in an event file is looked at, not measured


def side_by_side(
    encoded: bytes, image: int, detections: Detections, groundtruth: GroundTruth, spec: Evaluation
) -> np.ndarray:
    """Draw one image twice.

    A class that the label map lacks, or whose name no font here can write, is named by its number.

    Args:
        encoded: the image, JPEG or PNG.
        image: its number in `groundtruth.source_ids`.
        detections: of them, those above the config's `min_score_threshold` are drawn, best first,
            at most `max_num_boxes_to_visualize`.
        groundtruth: all of its boxes on the image are drawn.
        spec: the two limits.

    Returns:
        uint8 [height, 2 * width, 3], RGB.
    """
    names = writable_names(groundtruth.class_ids.tolist(), groundtruth.class_names.tolist())
    found = np.flatnonzero((detections.image == image) & (detections.scores >= spec.min_score))
    found = found[np.argsort(-detections.scores[found], kind="stable")][: spec.max_boxes_drawn]
    there = np.flatnonzero(groundtruth.image == image)
    with Image.open(io.BytesIO(encoded)) as opened:
        picture = opened.convert("RGB")
    scale = min(1.0, MAX_SIDE / max(picture.size))
    picture = ImageOps.scale(picture, scale) if scale < 1 else picture
    left = draw_boxes(
        picture,
        detections.boxes_xywh_px[found] * scale,
        detections.classes[found],
        [
            f"{name_of(names, number)} {score:.2f}"
            for number, score in zip(
                detections.classes[found].tolist(), detections.scores[found], strict=True
            )
        ],
    )
    right = draw_boxes(
        picture,
        groundtruth.boxes_xywh_px[there] * scale,
        groundtruth.classes[there],
        [name_of(names, number) for number in groundtruth.classes[there].tolist()],
    )
    return np.concatenate([left, right], axis=1)
