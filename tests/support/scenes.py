"""Groundtruth and detections without images: what a detector of middling quality would find."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.detections import Detections, GroundTruth

SIDE = 200  # pixels of each image

Box = tuple[float, float, float, float]  # xmin, ymin, width, height


def groundtruth(
    boxes: Sequence[tuple[int, int, Box]],
    *,
    names: Sequence[str] = ("car", "van"),
    images: int = 1,
    crowd: Sequence[int] = (),
) -> GroundTruth:
    """Boxes as (image, class, box); `crowd` holds indices of them."""
    corners = np.array([box for _, _, box in boxes], np.float64).reshape(-1, 4)
    return GroundTruth(
        source_ids=np.array([f"{number:06d}" for number in range(images)]),
        sizes_hw=np.full((images, 2), SIDE),
        image=np.array([image for image, _, _ in boxes], np.int64),
        boxes_xywh_px=corners,
        classes=np.array([number for _, number, _ in boxes], np.int64),
        is_crowd=np.isin(np.arange(len(boxes)), crowd),
        area=corners[:, 2] * corners[:, 3],
        class_ids=np.arange(1, len(names) + 1),
        class_names=np.array(names),
    )


def detections(
    found: Sequence[tuple[int, int, Box, float]],
    *,
    step: int = 1,
    metrics: dict[str, float] | None = None,
) -> Detections:
    """Boxes as (image, class, box, score)."""
    return Detections(
        step=step,
        image=np.array([item[0] for item in found], np.int64),
        boxes_xywh_px=np.array([item[2] for item in found], np.float32).reshape(-1, 4),
        classes=np.array([item[1] for item in found], np.int64),
        scores=np.array([item[3] for item in found], np.float32),
        metrics=metrics or {},
    )


def random_scenes(
    seed: int, *, images: int = 12, classes: int = 3, quality: float = 0.6
) -> tuple[GroundTruth, Detections]:
    """Objects of whole pixels, each class on the first images, and what was found of them.

    An object is found well, beside its place, as another class, twice, or not at all; some boxes
    are on nothing. No two scores are equal.
    """
    rng = np.random.default_rng(seed)
    there: list[tuple[int, int, Box]] = []
    found: list[tuple[int, int, Box, float]] = []
    for image in range(images):
        for place in range(int(rng.integers(1, 6))):
            number = 1 + (image + place) % classes
            box = _box(rng)
            there.append((image, number, box))
            found += _finds(rng, image, number, box, classes, quality)
        found += [
            (image, int(rng.integers(1, classes + 1)), _box(rng), 0.0)
            for _ in range(int(rng.poisson(0.8)))
        ]
    scores = rng.permutation(len(found)) / (len(found) + 1)
    scored = [
        (image, number, box, float(score) * (1.0 if score > 0.5 else 0.9))
        for (image, number, box, _), score in zip(found, scores, strict=True)
    ]
    names = [f"class {number}" for number in range(1, classes + 1)]
    return groundtruth(there, names=names, images=images), detections(scored)


def random_finds(
    rng: np.random.Generator, truth: GroundTruth, quality: float
) -> list[tuple[int, int, Box, float]]:
    """What a detector of a quality in 0..1 would find of a groundtruth, with scores to match."""
    found = []
    for image, number, box in zip(
        truth.image.tolist(), truth.classes.tolist(), truth.boxes_xywh_px.tolist(), strict=True
    ):
        place = truth.class_ids.tolist().index(number)
        other = int(truth.class_ids[(place + 1) % len(truth.class_ids)])
        for kind in ("good", "other", "beside"):
            if rng.random() < {"good": quality, "other": 0.15, "beside": 0.2}[kind]:
                moved = _moved(rng, box, 0.4 if kind == "beside" else 0.06)
                score = rng.beta(4, 4) if kind == "good" else rng.beta(2, 6)
                found.append((image, other if kind == "other" else number, moved, float(score)))
    return found


def _finds(
    rng: np.random.Generator, image: int, number: int, box: Box, classes: int, quality: float
) -> list[tuple[int, int, Box, float]]:
    kind = rng.random()
    if kind < quality:
        good = (image, number, _moved(rng, box, 0.08), 0.0)
        return [good, (image, number, _moved(rng, box, 0.1), 0.0)] if kind < 0.1 else [good]
    other = 1 + number % classes
    if kind < quality + 0.12:
        return [(image, other, _moved(rng, box, 0.08), 0.0)]
    if kind < quality + 0.24:
        return [(image, number, _moved(rng, box, 0.6), 0.0)]
    return [(image, other, _moved(rng, box, 0.6), 0.0)] if kind < quality + 0.3 else []


def _box(rng: np.random.Generator) -> Box:
    width, height = rng.integers(20, 70, 2).tolist()
    xmin, ymin = rng.integers(0, SIDE - 70, 2).tolist()
    return xmin, ymin, width, height


def _moved(rng: np.random.Generator, box: Box, by: float) -> Box:
    shift: NDArray[np.float64] = rng.uniform(-by, by, 4) * (box[2], box[3], box[2], box[3])
    moved = np.round(np.array(box) + shift)
    return (float(moved[0]), float(moved[1]), max(5.0, float(moved[2])), max(5.0, float(moved[3])))
