"""The images with the worst errors, drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from odapi_runner.drawing import draw_box, name_of, writable_names
from odapi_runner.report.run.document import Picture
from odapi_runner.report.run.objects import Objects

CORRECT, MISCLASSIFIED, MISSED, FALSE = "#009e73", "#e69f00", "#d55e00", "#56b4e9"
LEGEND = (
    ("correct", CORRECT),
    ("misclassified", MISCLASSIFIED),
    ("missed", MISSED),
    ("false", FALSE),
)

_MOST_BYTES = 72 << 10  # of a picture: forty of them, as text in HTML, stay below 4 MB
_SIDES = (640, 480, 320, 160)  # pixels of the longer side, and for each of them these qualities
_LEAST = 480  # pixels: a smaller image is enlarged to this, or its labels would cover it
_QUALITIES = (85, 75, 60, 45)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong on one image at a score threshold."""

    image: int
    name: str
    misclassified: int
    missed: int
    false: int
    surest: float  # the highest score of what is wrong; 0 where things are only missed

    @property
    def errors(self) -> int:
        return self.misclassified + self.missed + self.false

    def describe(self) -> str:
        """The errors in words."""
        kinds = ("misclassified", "missed", "false")
        told = [f"{number} {kind}" for kind in kinds if (number := getattr(self, kind))]
        return ", ".join(told) or "no error"


def find_worst(objects: Objects, threshold: float, most: int) -> list[Fault]:
    """The images with the most errors, among equals those with the surest wrong box first.

    Images without errors are none of them.
    """
    truth, found = objects.groundtruth, objects.found
    images = len(truth.source_ids)
    least = np.float32(threshold)
    alone, seen = ~truth.is_crowd, objects.sureness >= least
    other = seen & (objects.taken_for != truth.classes) & alone
    false = objects.on_nothing & (found.scores >= least)
    wrong = {
        "misclassified": truth.image[other],
        "missed": truth.image[alone & ~seen],
        "false": found.image[false],
    }
    counts = {kind: np.bincount(place, minlength=images) for kind, place in wrong.items()}
    total = counts["misclassified"] + counts["missed"] + counts["false"]
    surest = np.zeros(images)
    np.maximum.at(surest, truth.image[other], objects.sureness[other])
    np.maximum.at(surest, found.image[false], found.scores[false])
    order = np.lexsort((np.arange(images), -surest, -total))[:most].tolist()
    faults = [
        Fault(
            image,
            str(truth.source_ids[image]) or f"image {image + 1}",
            surest=float(surest[image]),
            **{kind: int(count[image]) for kind, count in counts.items()},
        )
        for image in order
    ]
    return [fault for fault in faults if fault.errors]


def draw_worst(
    objects: Objects, threshold: float, faults: Sequence[Fault], images: Mapping[int, bytes]
) -> list[Picture]:
    """Draw them; an image that is not there, or that Pillow cannot read, is left out."""
    pictures = []
    for fault in faults:
        if fault.image in images:
            try:
                with Image.open(io.BytesIO(images[fault.image])) as opened:
                    picture = opened.convert("RGB")
            except OSError:
                continue
            jpeg, size = _encode(objects, threshold, fault.image, picture)
            pictures.append(Picture(fault.name, fault.describe(), jpeg, size))
    return pictures


def _encode(
    objects: Objects, threshold: float, image: int, picture: Image.Image
) -> tuple[bytes, tuple[int, int]]:
    """A JPEG of at most `_MOST_BYTES`, as good and as large as that allows."""
    data, drawn = b"", picture
    for side in _SIDES:
        longer = max(picture.size)
        scale = side / longer if longer > side else max(1.0, min(side, _LEAST) / longer)
        resized = ImageOps.scale(picture, scale) if scale != 1 else picture
        drawn = _draw(objects, threshold, image, resized, scale)
        for quality in _QUALITIES:
            stream = io.BytesIO()
            drawn.save(stream, "JPEG", quality=quality, optimize=True)
            data = stream.getvalue()
            if len(data) <= _MOST_BYTES:
                return data, drawn.size
    return data, drawn.size


def _draw(
    objects: Objects, threshold: float, image: int, picture: Image.Image, scale: float
) -> Image.Image:
    """What was found of the objects, those that were missed, and the boxes on nothing."""
    truth, found, least = objects.groundtruth, objects.found, np.float32(threshold)
    names = writable_names(truth.class_ids.tolist(), truth.class_names.tolist())
    labelled: list[tuple[NDArray[np.floating[Any]], str, str]] = []
    for place in np.flatnonzero((truth.image == image) & ~truth.is_crowd):
        name, score = name_of(names, int(truth.classes[place])), objects.sureness[place]
        said = int(objects.taken_for[place])
        if score < least:
            labelled.append((truth.boxes_xywh_px[place], f"missed: {name}", MISSED))
            continue
        box = found.boxes_xywh_px[objects.surest[place]]
        if said == truth.classes[place]:
            labelled.append((box, f"{name} {score:.2f}", CORRECT))
        else:
            other = f"{name}, taken for {name_of(names, said)} {score:.2f}"
            labelled.append((box, other, MISCLASSIFIED))
    on_nothing = (found.image == image) & objects.on_nothing & (found.scores >= least)
    for place in np.flatnonzero(on_nothing):
        name = name_of(names, int(found.classes[place]))
        labelled.append(
            (found.boxes_xywh_px[place], f"false: {name} {found.scores[place]:.2f}", FALSE)
        )
    drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    for shown in (False, True):  # the labels over all of the boxes
        for box, label, color in labelled:
            draw_box(draw, (box * scale).tolist(), label if shown else "", color)
    return drawn
