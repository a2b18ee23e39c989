"""Cars, pedestrians and cyclists drawn with simple shapes, for the street scenes of the demo.

Shapes are given in parts of a picture's size: (0, 0) is its upper left corner, (1, 1) the lower
right one. A figure fills its picture nearly from edge to edge.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageOps

Colour = tuple[int, int, int]
Point = tuple[float, float]

_TYRE: Final = (24, 24, 28)
_GLASS: Final = (52, 70, 92)
_SKIN: Final = ((244, 212, 184), (214, 168, 130), (160, 112, 80), (98, 66, 48))
_HAIR: Final = ((32, 26, 24), (92, 62, 38), (190, 158, 96), (150, 150, 150))


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws on a transparent picture in parts of its width and height."""

    width: int
    height: int
    image: Image.Image = field(init=False)
    draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", Image.new("RGBA", (self.width, self.height)))
        object.__setattr__(self, "draw", ImageDraw.Draw(self.image))

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon([self._at(point) for point in points], fill=colour)

    def ellipse(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        self.draw.ellipse([*self._at(box[:2]), *self._at(box[2:])], fill=colour)

    def block(self, box: tuple[float, float, float, float], colour: Colour, round_: float) -> None:
        """A rectangle with corners rounded by a part of the height."""
        corners = [*self._at(box[:2]), *self._at(box[2:])]
        self.draw.rounded_rectangle(corners, round_ * self.height, fill=colour)

    def stroke(self, points: Sequence[Point], colour: Colour, thick: float) -> None:
        """A bent line, as thick as a part of the height, with round ends."""
        width = max(1, round(thick * self.height))
        places = [self._at(point) for point in points]
        self.draw.line(places, fill=colour, width=width, joint="curve")
        for x, y in (places[0], places[-1]):
            half = width / 2 - 0.5
            self.draw.ellipse([x - half, y - half, x + half, y + half], fill=colour)

    def disc(self, centre: Point, radius: float, colour: Colour, rim: float | None = None) -> None:
        """A circle by a radius in parts of the height; only its rim where one is given."""
        (x, y), r = self._at(centre), radius * self.height
        box = [x - r, y - r, x + r, y + r]
        if rim is None:
            self.draw.ellipse(box, fill=colour)
        else:
            self.draw.ellipse(box, outline=colour, width=max(1, round(rim * self.height)))

    def _at(self, point: Sequence[float]) -> Point:
        return point[0] * (self.width - 1), point[1] * (self.height - 1)


def paint(rng: np.random.Generator, saturation: tuple[float, float] = (0.25, 0.9)) -> Colour:
    """Any colour that is neither very dark nor very pale."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(0.4, 0.95))
    red, green, blue = (round(255 * value) for value in rgb)
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter above."""
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue


def draw_car_side(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A car from its side."""
    pen = Pen(width, height)
    # A third of all cars are white, grey or black, as on a road.
    body = paint(rng, (0.0, 0.08) if rng.random() < 0.33 else (0.45, 0.95))
    nose, tail = rng.uniform(0.22, 0.34), rng.uniform(0.8, 0.97)
    cabin = [(nose - 0.08, 0.44), (nose + 0.06, 0.0), (tail - 0.12, 0.0), (tail, 0.44)]
    pen.polygon(cabin, shade(body, 0.92))
    middle = (nose + tail) / 2 - 0.02
    pen.polygon(
        [(nose, 0.41), (nose + 0.09, 0.08), (middle - 0.015, 0.08), (middle - 0.015, 0.41)], _GLASS
    )
    pen.polygon(
        [(middle + 0.015, 0.41), (middle + 0.015, 0.08), (tail - 0.14, 0.08), (tail - 0.06, 0.41)],
        _GLASS,
    )
    pen.block((0.0, 0.38, 1.0, 0.84), body, 0.12)
    pen.block((0.03, 0.7, 0.97, 0.84), shade(body, 0.7), 0.06)
    pen.block((0.0, 0.48, 0.045, 0.6), (250, 236, 176), 0.02)
    pen.block((0.955, 0.48, 1.0, 0.6), (204, 36, 32), 0.02)
    for x in (0.21, 0.79):
        pen.disc((x, 0.8), 0.2, _TYRE)
        pen.disc((x, 0.8), 0.1, (176, 178, 182))
    return _either_way(pen.image, rng)


def draw_car_rear(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A car from behind, or from the front: its lamps are red or white."""
    pen = Pen(width, height)
    body = paint(rng, (0.0, 0.08) if rng.random() < 0.33 else (0.45, 0.95))
    lamp = (214, 34, 30) if rng.random() < 0.6 else (252, 244, 208)
    for left in (0.07, 0.73):
        pen.block((left, 0.75, left + 0.2, 1.0), _TYRE, 0.05)
    pen.polygon([(0.1, 0.45), (0.22, 0.0), (0.78, 0.0), (0.9, 0.45)], shade(body, 0.9))
    pen.polygon([(0.17, 0.41), (0.26, 0.07), (0.74, 0.07), (0.83, 0.41)], _GLASS)
    pen.block((0.0, 0.38, 1.0, 0.88), body, 0.1)
    pen.block((0.02, 0.74, 0.98, 0.88), shade(body, 0.65), 0.05)
    for left in (0.04, 0.78):
        pen.block((left, 0.46, left + 0.18, 0.6), lamp, 0.03)
    pen.block((0.37, 0.6, 0.63, 0.71), (236, 236, 226), 0.01)
    return pen.image


def draw_pedestrian(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A walking person."""
    pen = Pen(width, height)
    coat, trousers = paint(rng), shade(paint(rng, (0.1, 0.6)), 0.6)
    skin, hair = _SKIN[rng.integers(len(_SKIN))], _HAIR[rng.integers(len(_HAIR))]
    stride, swing = rng.uniform(0.1, 0.38), rng.uniform(0.2, 0.42)
    pen.stroke([(0.5, 0.26), (0.5 + swing, 0.4), (0.5 + swing, 0.5)], shade(coat, 0.75), 0.06)
    for side in (1, -1):
        foot = (0.5 + side * stride, 0.955)
        tone = shade(trousers, 0.8 if side > 0 else 1.0)
        pen.stroke([(0.5, 0.54), (0.5 + side * stride * 0.7, 0.75), foot], tone, 0.085)
        pen.ellipse((foot[0] - 0.13, 0.945, foot[0] + 0.1, 1.0), _TYRE)
    pen.block((0.24, 0.18, 0.76, 0.58), coat, 0.08)
    pen.stroke([(0.42, 0.26), (0.5 - swing, 0.4), (0.48 - swing, 0.5)], shade(coat, 0.85), 0.06)
    pen.disc((0.5, 0.085), 0.082, hair)
    pen.disc((0.46, 0.1), 0.065, skin)
    return _either_way(pen.image, rng)


def draw_cyclist(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A person riding a bicycle, from the side."""
    pen = Pen(width, height)
    coat, frame = paint(rng), paint(rng, (0.5, 1.0))
    trousers = shade(paint(rng, (0.1, 0.6)), 0.6)
    skin, helmet = _SKIN[rng.integers(len(_SKIN))], paint(rng, (0.4, 1.0))
    reach = 0.235 * height / width
    rear, front = (reach, 0.76), (1.0 - reach, 0.76)
    pedal, saddle, bar = (0.48, 0.78), (0.38, 0.47), (0.7, 0.42)
    for wheel in (rear, front):
        pen.disc(wheel, 0.235, _TYRE, rim=0.035)
        pen.disc(wheel, 0.03, (120, 120, 124))
    pen.stroke([saddle, (0.7, 0.5), pedal, saddle], frame, 0.03)
    pen.stroke([saddle, rear, pedal], frame, 0.03)
    pen.stroke([bar, front], frame, 0.03)
    knee, foot = (0.62, 0.56 + rng.uniform(-0.03, 0.05)), (0.52, 0.84)
    pen.stroke([(0.4, 0.43), knee, foot], trousers, 0.08)
    pen.stroke([(0.42, 0.4), (0.55, 0.21)], coat, 0.16)
    pen.stroke([(0.55, 0.23), (0.62, 0.36), bar], shade(coat, 0.8), 0.055)
    pen.disc((0.62, 0.085), 0.072, skin)
    pen.draw.pieslice(
        [0.62 * width - 0.085 * height, 0.0, 0.62 * width + 0.085 * height, 0.17 * height],
        180,
        360,
        fill=helmet,
    )
    return _either_way(pen.image, rng)


@dataclass(frozen=True, slots=True)
class Figure:
    """A class of the scenes, one way to see it, and its size where it stands nearest."""

    name: str
    draw: Callable[[int, int, np.random.Generator], Image.Image]
    height: float  # in parts of the image's height
    aspect: tuple[float, float]  # width / height, from .. to


FIGURES: Final = (
    Figure("Car", draw_car_side, 0.31, (1.85, 2.25)),
    Figure("Car", draw_car_rear, 0.36, (1.1, 1.35)),
    Figure("Pedestrian", draw_pedestrian, 0.62, (0.34, 0.44)),
    Figure("Cyclist", draw_cyclist, 0.56, (0.85, 1.05)),
)


def _either_way(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image) if rng.random() < 0.5 else image
