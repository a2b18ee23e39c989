"""How an image comes to the size of the input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FixedShape:
    """Stretch to a height and a width."""

    height: int
    width: int
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class KeepAspect:
    """Fit inside a box with the aspect kept; `pad_value` fills it up at the bottom or right.

    The box lies as the image does: `max_dimension` is its longer side.
    """

    min_dimension: int
    max_dimension: int
    pad_value: tuple[float, float, float] | None
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class ConditionalShape:
    """Scale an image whose longer side is above `size` down to it; or the shorter one below up."""

    size: int
    shrink: bool
    method: str = "BILINEAR"


@dataclass(frozen=True, slots=True)
class PadToMultiple:
    """Fill an image up to multiples of a size at the bottom and right; 1 leaves it as it is."""

    multiple: int


Resizer = FixedShape | KeepAspect | ConditionalShape | PadToMultiple


def input_size(resizer: Resizer) -> tuple[int, int] | None:
    """Height and width of all inputs; None where they differ from image to image."""
    if isinstance(resizer, FixedShape):
        return resizer.height, resizer.width
    if isinstance(resizer, KeepAspect) and resizer.pad_value is not None:
        return resizer.max_dimension, resizer.max_dimension
    return None
