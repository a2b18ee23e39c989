"""What was found beside what is there, drawn for TensorBoard.

Source of tag and layout: object_detection/model_lib_v2.py, `eval_side_by_side_{i}_{j}`: found on
the left, groundtruth on the right.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from odapi_runner.engine.spec.input import Evaluation
from odapi_runner.formats.detections import Detections, GroundTruth

# Distinct on photographs, and for the colour-blind (Okabe and Ito).
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
# Looked for where a system keeps its fonts; Pillow's own has Latin letters only.
FONTS = ("NanumGothic.ttf", "NotoSansCJK-Regular.ttc", "NotoSansKR-Regular.otf", "malgun.ttf")
FONT_SIZE = 10  # pixels
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


def draw_boxes(
    picture: Image.Image, boxes_xywh_px: np.ndarray, classes: np.ndarray, labels: Sequence[str]
) -> np.ndarray:
    """Outline boxes in the colors of their classes (from 1), each with its label or none."""
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    for (xmin, ymin, width, height), number, label in zip(
        boxes_xywh_px.tolist(), classes.tolist(), labels, strict=True
    ):
        color = COLORS[(number - 1) % len(COLORS)]
        draw.rectangle((xmin, ymin, xmin + width, ymin + height), outline=color, width=2)
        if label:
            place = (xmin, max(ymin - 12, 0))
            draw.rectangle(draw.textbbox(place, label, font=font()), fill=color)
            draw.text(place, label, fill="black", font=font())
    return np.asarray(picture)


def name_of(names: Mapping[int, str], number: int) -> str:
    """A class's name, or its number where there is none."""
    return names.get(number, f"class {number}")


def writable_names(ids: Sequence[int], names: Sequence[str]) -> dict[int, str]:
    """The names of classes; a number for one that no font here can write."""
    return {id_: _writable(name, id_) for id_, name in zip(ids, names, strict=True)}


def _writable(name: str, number: int) -> str:
    """The name, or the number where the font has no sign for one of its letters."""
    missing = _shape("\U0010ffff")  # a place that no font fills
    letters = set(name) - {" "}
    return f"class {number}" if missing in map(_shape, letters) else name


def _shape(letter: str) -> bytes | None:
    """The letter as the font draws it; None where it cannot draw it at all."""
    try:
        return bytes(font().getmask(letter))
    except UnicodeEncodeError:  # Pillow without FreeType
        return None


@cache
def font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The font of all labels: the first of `FONTS` that is there."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, FONT_SIZE)
        except OSError:
            continue
    return ImageFont.load_default()
