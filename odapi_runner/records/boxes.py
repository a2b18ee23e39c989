"""The boxes of many records at once: what is wrong with them, how many there are of what size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.example import Fields
from odapi_runner.records.found import BoxSample, draw_sample

# COCO's limits of the area in pixels, both inclusive.
SMALL: Final = 32**2
MEDIUM: Final = 96**2

# Half a pixel of the largest images: what rounding to float32 leaves beyond the edge is no fault.
_TOLERANCE: Final = 1e-5
# Nobody's rounding: coordinates as large as this were never divided by the size of the image.
_PIXELS: Final = 2.0
# A box of so many pixels holds an object of more than one: such an area is a share of the image.
_SURELY_MORE_THAN_ONE: Final = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The n boxes of some records, one record after another."""

    image: NDArray[np.int64]  # [n] the record of each box, from 0
    number: NDArray[np.int64]  # [n] its number in the record
    boxes_yxyx_norm: NDArray[np.float32]  # [n, 4] (ymin, xmin, ymax, xmax), 0..1 of the image
    image_size_hw: NDArray[np.int64]  # [n, 2] pixels
    of_box_px: NDArray[np.float64]  # [n] the area of the box
    area: NDArray[np.float32]  # [n] as recorded; 0: the record does not say
    ignored: NDArray[np.bool_]  # [n] `is_crowd` or `group_of`
    difficult: NDArray[np.bool_]  # [n]

    def count_by(self, classes: NDArray[np.int64], count: int) -> list[list[int]]:
        """The columns of `ClassCounts` from `images` on, a row a class.

        Args:
            classes: int64 [n], the class of each box, 0..count - 1.
            count: the number of classes.
        """
        area = np.where(self.area > 0, self.area, self.of_box_px)
        found = ~self.ignored
        small, large = area <= SMALL, ~(area <= MEDIUM)
        # A class is on an image once, however many boxes it has there.
        on_image = np.unique(self.image[found] * count + classes[found]) % max(count, 1)
        chosen = (
            on_image,
            classes[found],
            classes[found & small],
            classes[found & ~small & ~large],
            classes[found & large],
            classes[found & self.difficult],
            classes[self.ignored],
        )
        return [np.bincount(of_column, minlength=count).tolist() for of_column in chosen]

    def draw_sample(self, places: NDArray[np.int64]) -> BoxSample:
        """Choose among the boxes that training learns from and that have no fault.

        Args:
            places: int64 [records], a number for each record that no other record has.
        """
        faults = np.logical_or.reduce(list(find_box_faults(self).values()))
        good = np.flatnonzero(~faults & ~self.ignored & (self.of_box_px > 0))
        place = places[self.image[good]].astype(np.uint64)
        hashes = _mix(_mix(place) + self.number[good].astype(np.uint64))
        return draw_sample(hashes, self.boxes_yxyx_norm[good], self.image_size_hw[good])


def join_boxes(records: Sequence[Fields], sizes_hw: Sequence[tuple[int, int]]) -> Boxes:
    """The boxes of some records; `sizes_hw` are the images' own sizes."""

    def joined(columns: Iterable[Sequence[float]], dtype: Any) -> NDArray[Any]:
        return np.array(list(chain.from_iterable(columns)), dtype)

    image = np.repeat(np.arange(len(records)), list(map(len, records)))
    rows = [joined((fields.corners[row] for fields in records), np.float32) for row in range(4)]
    boxes = np.stack(rows, axis=1)
    size_hw = np.array(sizes_hw, np.int64).reshape(-1, 2)[image]
    ymin, xmin, ymax, xmax = boxes.astype(np.float64).T
    with np.errstate(invalid="ignore"):  # boxes that are not finite are told later
        of_box_px = (ymax - ymin) * size_hw[:, 0] * (xmax - xmin) * size_hw[:, 1]
    crowds = joined((fields.is_crowd for fields in records), np.int64)
    groups = joined((fields.group_of for fields in records), np.int64)
    return Boxes(
        image=image,
        number=np.arange(len(image)) - np.searchsorted(image, image),
        boxes_yxyx_norm=boxes,
        image_size_hw=size_hw,
        of_box_px=of_box_px,
        area=joined((fields.area for fields in records), np.float32),
        ignored=(crowds | groups) != 0,
        difficult=joined((fields.difficult for fields in records), np.int64) != 0,
    )


def find_box_faults(boxes: Boxes) -> dict[str, NDArray[np.bool_]]:
    """For each kind of fault the boxes that have it, bool [n]; a box has one at most."""
    corners = boxes.boxes_yxyx_norm.astype(np.float64)
    ymin, xmin, ymax, xmax = corners.T
    smallest, largest = corners.min(axis=1, initial=np.inf), corners.max(axis=1, initial=-np.inf)
    tests = {
        "box not finite": ~np.isfinite(corners).all(axis=1),
        "box inverted": (ymin > ymax) | (xmin > xmax),
        "box in pixels": largest > _PIXELS,
        "box out of range": (smallest < -_TOLERANCE) | (largest > 1 + _TOLERANCE),
        "box without area": (ymin == ymax) | (xmin == xmax),
        "area normalised": _have_normalised_area(boxes),
    }
    told = np.zeros(len(corners), np.bool_)
    faults: dict[str, NDArray[np.bool_]] = {}
    for kind, found in tests.items():
        faults[kind] = found & ~told
        told |= found
    return faults


def describe_box(kind: str, boxes: Boxes, place: int) -> str:
    """Words for a fault that `find_box_faults` found."""
    ymin, xmin, ymax, xmax = boxes.boxes_yxyx_norm[place].tolist()
    shown = f"ymin {ymin:g}, xmin {xmin:g}, ymax {ymax:g}, xmax {xmax:g}"
    words = {
        "box not finite": "is not finite",
        "box inverted": "is inverted",
        "box in pixels": "is in pixels, not in 0..1",
        "box out of range": "is not within 0..1",
        "box without area": "has no area",
        "area normalised": (
            f"has an image/object/area of {boxes.area[place]:g}, a share of the image: "
            f"it covers {boxes.of_box_px[place]:.0f} pixels"
        ),
    }
    return f"box {boxes.number[place]} ({shown}) {words[kind]}"


def _have_normalised_area(boxes: Boxes) -> NDArray[np.bool_]:
    """Whether the recorded area is a share of the image, as all of its record then are."""
    largest = np.zeros(boxes.image.max(initial=-1) + 1, np.float32)
    np.maximum.at(largest, boxes.image, boxes.area)
    shares = (boxes.area > 0) & (largest[boxes.image] <= 1)
    return shares & (boxes.of_box_px > _SURELY_MORE_THAN_ONE)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each number. Source: splitmix64, Steele, Lea, Flood (OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
