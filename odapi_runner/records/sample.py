"""An annotated image as its files have it, before it becomes a record."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import Image, UnidentifiedImageError

from odapi_runner.errors import DataError, nearest

# find: one of the classes; ignore: what is found there is neither right nor wrong; beside: not in
# the records, only in annotations.jsonl.
Use = Literal["find", "ignore", "beside"]

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg"})

# MPO is a JPEG with more pictures behind the first one, as some cameras write it.
_FORMATS = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg"}

_FAULTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """An annotation or image that cannot be used: where, and why."""

    path: Path
    line: int | None
    why: str
    leaves_image: bool = False  # the image is of use without it

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}" if self.line else f"{self.path}: {self.why}"

    def as_left_out(self) -> str:
        """What is left out with `--skip-bad`: this with its image, or this alone."""
        return f"{self}; its image stays" if self.leaves_image else str(self)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image by its header; its pixels were not read."""

    path: Path
    format: str  # "png" or "jpeg"
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Object:
    """One annotated object."""

    name: str
    box_xyxy_px: tuple[float, float, float, float]
    line: int
    use: Use = "find"
    truncated: float = 0.0  # 0 (whole) .. 1 (outside the image)
    difficult: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)  # what records have no key for


@dataclass(frozen=True, slots=True)
class Sample:
    """An image with its objects, in the order of their file, boxes within the image."""

    source_id: str
    image: ImageFile
    objects: tuple[Object, ...]


def read_image(path: Path, *, decode: bool) -> ImageFile | Fault:
    """Format and size of an image by its header; with `decode` only of one that is whole."""
    try:
        format_, height, width = decode_image(path) if decode else parse_image_header(path)
    except ValueError as error:
        return Fault(path, None, str(error))
    return ImageFile(path, format_, height, width)


def parse_image_header(source: Path | BinaryIO) -> tuple[str, int, int]:
    """`png` or `jpeg`, height and width.

    Raises:
        ValueError: no image, or of another format.
    """
    with _opened(source) as image:
        return _describe(image)


def decode_image(source: Path | BinaryIO) -> tuple[str, int, int]:
    """As `parse_image_header`, but every pixel is decoded: the image is whole.

    Raises:
        ValueError: no image, of another format, cut short or damaged.
    """
    with _opened(source) as image:
        described = _describe(image)
        image.load()
    return described


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open an image; what Pillow says of a bad one, while it is used too, is a ValueError."""
    try:
        with Image.open(source) as image:
            yield image
    except UnidentifiedImageError as error:
        raise ValueError("not an image") from error
    except (OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise ValueError(f"the image cannot be read ({error})") from error


def _describe(image: Image.Image) -> tuple[str, int, int]:
    if image.format not in _FORMATS:
        raise ValueError(f"the image is {image.format}; records hold PNG and JPEG only")
    return _FORMATS[image.format], image.height, image.width


def build_sample(
    source_id: str,
    image: ImageFile,
    objects: Iterable[Object],
    annotation: Path,
    faults: Sequence[Fault] = (),
) -> tuple[Sample | None, list[Fault]]:
    """An image with its objects clipped to it, and `faults` with those of the boxes.

    An object whose place is not known keeps its whole image out: it is on it, and training would
    take it for background. One that lies beside the image is on no image, and is left out alone.
    """
    kept, found = [], list(faults)
    for item in objects:
        fault = _fault_of_box(item, image, annotation)
        if fault:
            found.append(fault)
        else:
            kept.append(replace(item, box_xyxy_px=_clip(item.box_xyxy_px, image)))
    if all(fault.leaves_image for fault in found):
        return Sample(source_id, image, tuple(kept)), found
    return None, found


def intersect(one: Object, other: Object) -> bool:
    """Whether two boxes share any area (their IoU is above 0)."""
    left, top, right, bottom = one.box_xyxy_px
    other_left, other_top, other_right, other_bottom = other.box_xyxy_px
    return max(left, other_left) < min(right, other_right) and max(top, other_top) < min(
        bottom, other_bottom
    )


def list_images(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """The images of a folder by stem, in the order of their file names.

    A second image of the same stem is a fault: source ids and annotations go by the stem.
    """
    images: dict[str, Path] = {}
    faults = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.suffix.lower() in IMAGE_ENDINGS:
            if path.stem in images:
                faults.append(Fault(path, None, f"{images[path.stem].name} has the same name"))
            else:
                images[path.stem] = path
    return images, faults


def refuse_faults(faults: Sequence[Fault], *, skip_bad: bool) -> None:
    """Stop at bad annotations unless they are to be skipped.

    Raises:
        DataError: names the first ten, and how many there are.
    """
    if not faults or skip_bad:
        return
    lines = [str(fault) for fault in faults[:_FAULTS_SHOWN]]
    if len(faults) > _FAULTS_SHOWN:
        lines.append(f"and {len(faults) - _FAULTS_SHOWN} more: {len(faults)} bad annotations")
    fix = "Nothing was written. Repair the annotations, or leave them out with --skip-bad."
    raise DataError("\n".join(lines), fix=fix)


def refuse_misspelled(classes: Sequence[str], mentioned: set[str]) -> None:
    """Stop at a class without a box where another spelling has some, or where no class has any."""
    others = sorted(mentioned - set(classes))
    for name in classes:
        alike = [other for other in others if other.casefold() == name.casefold()]
        alike = alike or nearest(name, others, most=1)
        if name not in mentioned and alike:
            fix = f"Did you mean {alike[0]}? Give the classes with --classes A,B,C."
            raise DataError(f"no label is a {name}", fix=fix)
    if not mentioned & set(classes):
        known = ", ".join(others) or "nothing"
        what = f"no label is a {' or a '.join(classes)}; the labels hold {known}"
        raise DataError(what, fix="Give the classes with --classes A,B,C.")


def _fault_of_box(item: Object, image: ImageFile, annotation: Path) -> Fault | None:
    box = item.box_xyxy_px
    xmin, ymin, xmax, ymax = box
    left, top, right, bottom = _clip(box, image)
    beside = False
    if not all(map(math.isfinite, box)):
        why = "is not finite"
    elif xmin > xmax or ymin > ymax:
        why = "is inverted"
    elif xmin == xmax or ymin == ymax:
        why = "has no area"
    elif left >= right or top >= bottom:
        why, beside = f"is outside the image of {image.width}x{image.height}", True
    else:
        return None
    return Fault(annotation, item.line, f"{item.name}: the box {why} ({_shown(box)})", beside)


def _clip(
    box: tuple[float, float, float, float], image: ImageFile
) -> tuple[float, float, float, float]:
    xmin, ymin, xmax, ymax = box
    return (
        max(xmin, 0.0),
        max(ymin, 0.0),
        min(xmax, float(image.width)),
        min(ymax, float(image.height)),
    )


def _shown(box: tuple[float, float, float, float]) -> str:
    return "xmin {:g}, ymin {:g}, xmax {:g}, ymax {:g}".format(*box)
