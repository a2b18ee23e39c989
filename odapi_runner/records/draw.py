"""Street scenes in KITTI's folder format, for the demo: drawn from a seed, not photographed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from odapi_runner.records.figures import FIGURES, Figure
from odapi_runner.records.scenery import draw_background

# Scenes are drawn larger and reduced: that smooths the edges.
_SCALE: Final = 2
_SMALLEST: Final = 12  # pixels of the longer side; what is smaller is a DontCare
_UNKNOWN_3D: Final = "-1 -1 -1 -1000 -1000 -1000 -10"


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A figure in the scene: where it stands, and its shape as drawn (both scaled)."""

    name: str
    picture: Image.Image  # RGBA
    left: int
    top: int
    nearness: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        width, height = self.picture.size
        return self.left, self.top, self.left + width, self.top + height


def draw_streets(
    folder: Path, *, images: int, seed: int, size_hw: tuple[int, int] = (192, 256)
) -> None:
    """Write `training/image_2/NNNNNN.png` and `training/label_2/NNNNNN.txt` below a folder.

    Image k depends on the seed, k and the size alone. Labels are what was drawn: a box is the
    figure's, clipped to the image; `truncated` is the part of it outside; `occluded` is 0, 1 or 2
    as nothing, up to half or more of the figure is hidden behind nearer ones. Groups of figures
    far away are DontCare regions. There is no third dimension: its values are KITTI's "unknown".
    """
    pictures, labels = folder / "training" / "image_2", folder / "training" / "label_2"
    pictures.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    for number in range(images):
        image, lines = draw_street(np.random.default_rng([seed, number]), size_hw)
        # Little compression: it is the larger half of the time otherwise.
        image.save(pictures / f"{number:06d}.png", compress_level=1)
        text = "".join(f"{line}\n" for line in lines)
        (labels / f"{number:06d}.txt").write_text(text, encoding="utf-8")


def draw_street(
    rng: np.random.Generator, size_hw: tuple[int, int]
) -> tuple[Image.Image, list[str]]:
    """One scene and the lines of its label file."""
    height, width = (side * _SCALE for side in size_hw)
    horizon = int(height * rng.uniform(0.36, 0.48))
    canvas = draw_background(rng, height, width, horizon)
    crowd = _draw_crowd(rng, canvas, horizon) if rng.random() < 0.35 else None
    placed = _place(rng, height, width, horizon)
    for item in placed:
        _shadow(canvas, item)
        canvas.paste(item.picture, (item.left, item.top), item.picture)
    image = canvas.reduce(_SCALE)
    grain = rng.normal(0, rng.uniform(1, 5), (*size_hw, 1))
    pixels = np.clip(np.asarray(image, np.float64) * rng.uniform(0.8, 1.1) + grain, 0, 255)
    lines = [_label(item, hidden, size_hw) for item, hidden in _with_hidden(placed, height, width)]
    if crowd:
        lines.append(_line("DontCare", -1, -1, _clipped(crowd, size_hw)))
    return Image.fromarray(pixels.astype(np.uint8)), lines


def _place(rng: np.random.Generator, height: int, width: int, horizon: int) -> list[_Drawn]:
    """Figures on the ground, the farthest first; few hide much of another."""
    placed: list[_Drawn] = []
    for _ in range(int(rng.integers(1, 7))):
        for _attempt in range(6):
            item = _stand(rng, FIGURES[rng.integers(len(FIGURES))], height, width, horizon)
            if max(item.picture.size) >= _SMALLEST * _SCALE and all(
                _shared(item.box, other.box) < 0.65 for other in placed
            ):
                placed.append(item)
                break
    return sorted(placed, key=lambda item: item.nearness)


def _stand(
    rng: np.random.Generator, figure: Figure, height: int, width: int, horizon: int
) -> _Drawn:
    """Draw a figure at a random distance, as large and as low in the image as it is near."""
    nearness = rng.uniform(0.16, 1.0) ** 1.15
    tall = max(4, round(figure.height * height * nearness * rng.uniform(0.9, 1.1)))
    wide = max(4, round(tall * rng.uniform(*figure.aspect)))
    foot = horizon + round((height * 1.02 - horizon) * nearness)
    # One in eight stands partly outside.
    outside = wide // 2 if rng.random() < 0.125 else 0
    left = int(rng.integers(-outside, max(1, width - wide + outside)))
    picture = figure.draw(wide, tall, rng)
    # What was drawn fills its picture but for an arm or a wheel: the box is what was drawn.
    picture = picture.crop(picture.getbbox())
    return _Drawn(figure.name, picture, left, foot - picture.height, nearness)


def _with_hidden(placed: list[_Drawn], height: int, width: int) -> list[tuple[_Drawn, float]]:
    """Each figure with the part of its pixels in the image that nearer figures cover."""
    covered = np.zeros((height, width), np.bool_)
    result = []
    for item in reversed(placed):
        shape = _shape(item, height, width)
        result.append((item, float((shape & covered).sum() / max(1, shape.sum()))))
        covered |= shape
    return result[::-1]


def _shape(item: _Drawn, height: int, width: int) -> NDArray[np.bool_]:
    mask = Image.new("L", (width, height))
    mask.paste(item.picture.getchannel("A"), (item.left, item.top))
    return np.asarray(mask) > 0


def _label(item: _Drawn, hidden: float, size_hw: tuple[int, int]) -> str:
    left, top, right, bottom = item.box
    inside = _clipped(item.box, size_hw)
    area = (inside[2] - inside[0]) * (inside[3] - inside[1]) * _SCALE**2
    truncated = 1 - area / ((right - left) * (bottom - top))
    occluded = 0 if hidden < 0.05 else 1 if hidden < 0.5 else 2
    return _line(item.name, round(truncated, 2), occluded, inside)


def _line(
    name: str, truncated: float, occluded: int, box: tuple[float, float, float, float]
) -> str:
    corners = " ".join(f"{side:.2f}" for side in box)
    return f"{name} {truncated:g} {occluded} -10 {corners} {_UNKNOWN_3D}"


def _clipped(
    box: tuple[int, int, int, int], size_hw: tuple[int, int]
) -> tuple[float, float, float, float]:
    """A scaled box in pixels of the image."""
    height, width = size_hw
    left, top, right, bottom = (side / _SCALE for side in box)
    return max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))


def _shared(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """The intersection of two boxes as a part of the smaller one."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(wide, 0) * max(tall, 0) / min(areas)


def _shadow(canvas: Image.Image, item: _Drawn) -> None:
    left, _, right, bottom = item.box
    flat = max(2, (right - left) // 14)
    dark = Image.new("L", (right - left, 2 * flat))
    ImageDraw.Draw(dark).ellipse([0, 0, right - left - 1, 2 * flat - 1], fill=110)
    canvas.paste((20, 20, 24), (left, bottom - flat), dark)


def _draw_crowd(
    rng: np.random.Generator, canvas: Image.Image, horizon: int
) -> tuple[int, int, int, int]:
    """A group of figures too far away to be told apart, blurred; the region it takes."""
    height = int(rng.integers(5, 10)) * _SCALE
    left = int(rng.integers(0, canvas.width * 3 // 4))
    top, right = horizon + 3 * _SCALE - height, left
    for _ in range(int(rng.integers(3, 7))):
        figure = FIGURES[rng.integers(len(FIGURES))]
        tall = round(height * rng.uniform(0.7, 1.0))
        wide = max(4, round(tall * rng.uniform(*figure.aspect)))
        picture = figure.draw(wide, tall, rng)
        canvas.paste(picture, (right, top + height - tall), picture)
        right += round(wide * rng.uniform(0.8, 1.2))
    region = (left, top, min(right + 2 * _SCALE, canvas.width), top + height)
    canvas.paste(canvas.crop(region).filter(ImageFilter.GaussianBlur(1.2 * _SCALE)), region)
    return region
