"""What stands behind the figures of the demo's street scenes."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from odapi_runner.records.figures import Colour, paint, shade

# Above, and at the horizon.
_SKIES: Final = (
    ((112, 168, 226), (214, 232, 246)),
    ((168, 178, 190), (222, 226, 230)),
    ((86, 104, 156), (248, 200, 160)),
    ((60, 78, 120), (150, 160, 184)),
)
_GROUNDS: Final = ((104, 138, 74), (126, 150, 88), (150, 140, 116), (164, 160, 152))
_TRUNK: Final = (92, 70, 52)


def draw_background(rng: np.random.Generator, height: int, width: int, horizon: int) -> Image.Image:
    """Sky, houses, trees, ground, and a road that runs to the horizon."""
    high, low = (np.array(colour) for colour in _SKIES[rng.integers(len(_SKIES))])
    rows = np.linspace(0, 1, horizon)[:, None, None]
    sky = np.broadcast_to(high + (low - high) * rows, (horizon, width, 3))
    ground = shade(_GROUNDS[rng.integers(len(_GROUNDS))], rng.uniform(0.85, 1.1))
    canvas = Image.new("RGB", (width, height), ground)
    canvas.paste(Image.fromarray(sky.astype(np.uint8)))
    draw = ImageDraw.Draw(canvas)
    _houses(rng, draw, width, horizon)
    _road(rng, draw, (height, width), horizon)
    for _ in range(int(rng.integers(0, 6))):
        _tree(rng, draw, int(rng.integers(0, width)), horizon)
    for _ in range(int(rng.integers(0, 3))):
        _lamp(rng, draw, int(rng.integers(0, width)), horizon)
    return canvas


def _houses(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, horizon: int) -> None:
    left = -int(rng.integers(0, width // 6))
    while left < width:
        right = left + int(rng.integers(width // 10, width // 4))
        if rng.random() < 0.75:
            top = horizon - int(horizon * rng.uniform(0.2, 0.8))
            _house(rng, draw, (left, top, right, horizon))
        left = right + int(rng.integers(0, width // 16))


def _house(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = box
    wall = paint(rng, (0.05, 0.35))
    draw.rectangle(box, fill=wall)
    if rng.random() < 0.5:
        peak = (left + right) // 2, top - (right - left) // 4
        draw.polygon([(left, top), peak, (right, top)], fill=shade(wall, 0.6))
    pane = shade(wall, 0.55) if rng.random() < 0.7 else (236, 220, 150)
    step, side = int(rng.integers(18, 30)), int(rng.integers(7, 12))
    for y in range(top + side, bottom - side, step):
        for x in range(left + side, right - side, step):
            draw.rectangle([x, y, x + side, y + side * 4 // 3], fill=pane)


def _road(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size_hw: tuple[int, int], horizon: int
) -> None:
    height, width = size_hw
    asphalt = shade((112, 112, 118), rng.uniform(0.75, 1.15))
    vanish = int(width * rng.uniform(0.3, 0.7))
    left, right = -int(width * rng.uniform(0.05, 0.5)), int(width * rng.uniform(1.05, 1.5))
    kerb, edge = shade(asphalt, 1.35), width // 16

    def sides(extra: int, half: int) -> list[tuple[int, int]]:
        return [
            (vanish - half, horizon),
            (vanish + half, horizon),
            (right + extra, height),
            (left - extra, height),
        ]

    draw.polygon(sides(edge * 2, width // 24), fill=kerb)
    draw.polygon(sides(0, width // 32), fill=asphalt)
    middle = (left + right) / 2
    for near in np.arange(0.05, 1, 0.16) + rng.uniform(0, 0.1):
        _dash(draw, (vanish, horizon), (middle, height), (near, near + 0.07))


def _dash(
    draw: ImageDraw.ImageDraw,
    far: tuple[float, float],
    close: tuple[float, float],
    part: tuple[float, float],
) -> None:
    """A piece of the middle line between two parts (0 far .. 1 close) of the way."""
    corners = []
    for where, signs in ((part[0], (-1, 1)), (part[1], (1, -1))):
        x = far[0] + (close[0] - far[0]) * where
        y = far[1] + (close[1] - far[1]) * where
        corners += [(x + sign * (1 + 6 * where), y) for sign in signs]
    draw.polygon(corners, fill=(226, 224, 214))


def _tree(rng: np.random.Generator, draw: ImageDraw.ImageDraw, x: int, horizon: int) -> None:
    tall = int(horizon * rng.uniform(0.35, 0.9))
    foot = horizon + int(tall * 0.12)
    trunk = max(2, tall // 16)
    draw.rectangle([x - trunk, foot - tall // 2, x + trunk, foot], fill=_TRUNK)
    green: Colour = (int(rng.integers(40, 96)), int(rng.integers(92, 140)), 56)
    for _ in range(7):
        radius = tall * rng.uniform(0.14, 0.24)
        cx, cy = x + tall * rng.uniform(-0.2, 0.2), foot - tall * rng.uniform(0.5, 0.85)
        leaves = [cx - radius, cy - radius, cx + radius, cy + radius]
        draw.ellipse(leaves, fill=shade(green, rng.uniform(0.8, 1.2)))


def _lamp(rng: np.random.Generator, draw: ImageDraw.ImageDraw, x: int, horizon: int) -> None:
    """A street lamp: thin and upright, as a pedestrian is."""
    tall = int(horizon * rng.uniform(0.6, 1.2))
    foot = horizon + tall // 3
    draw.rectangle([x - 2, foot - tall, x + 2, foot], fill=(70, 72, 78))
    draw.rectangle([x - 2, foot - tall, x + tall // 8, foot - tall + 5], fill=(70, 72, 78))
