"""Boxes and their names, drawn onto pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Distinct on photographs, and for the colour-blind (Okabe and Ito).
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
# Looked for where a system keeps its fonts; Pillow's own has Latin letters only.
FONTS = ("NanumGothic.ttf", "NotoSansCJK-Regular.ttc", "NotoSansKR-Regular.otf", "malgun.ttf")
FONT_SIZE = 10  # pixels


def draw_boxes(
    picture: Image.Image,
    boxes_xywh_px: NDArray[Any],
    classes: NDArray[np.integer[Any]],
    labels: Sequence[str],
) -> NDArray[np.uint8]:
    """Outline boxes in the colors of their classes (from 1), each with its label or none."""
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    for box, number, label in zip(boxes_xywh_px.tolist(), classes.tolist(), labels, strict=True):
        draw_box(draw, box, label, COLORS[(number - 1) % len(COLORS)])
    return np.asarray(picture)


def draw_box(
    draw: ImageDraw.ImageDraw, box_xywh_px: Sequence[float], label: str, color: str
) -> None:
    """Outline one box, its label above it."""
    xmin, ymin, width, height = box_xywh_px
    draw.rectangle((xmin, ymin, xmin + width, ymin + height), outline=color, width=2)
    if label:
        place = (xmin, max(ymin - 12, 0))
        draw.rectangle(draw.textbbox(place, label, font=font()), fill=color)
        draw.text(place, label, fill="black", font=font())


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
