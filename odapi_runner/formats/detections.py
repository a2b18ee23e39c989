"""The files `detections/step-N.npz` and `detections/groundtruth.npz` of a run.

Both are flat: row i of every array is one box, `image` says on which image it lies. Images are
numbered 0.. in the order of the evaluation records; `source_ids` and `sizes_hw` describe them.
Boxes are pixels of the original image, (xmin, ymin, width, height), as COCO has them.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odapi_runner import files
from odapi_runner.errors import DataError

# What numpy, zipfile and zlib raise on a damaged file; RuntimeError: as if it were encrypted.
_FAULTS = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """What is to be found: [n] boxes on len(source_ids) images."""

    source_ids: NDArray[np.str_]  # [images]
    sizes_hw: NDArray[np.int64]  # [images, 2] height, width
    image: NDArray[np.int64]  # [n]
    boxes_xywh_px: NDArray[np.float64]  # [n, 4]
    classes: NDArray[np.int64]  # [n] label map ids, from 1
    is_crowd: NDArray[np.bool_]  # [n] matching it is neither right nor wrong (`group_of` too)
    area: NDArray[np.float64]  # [n] pixels
    class_ids: NDArray[np.int64]  # [classes] the label map, in its order
    class_names: NDArray[np.str_]  # [classes]
    # [n] need not be found where VOC measures; None: written before that was kept
    difficult: NDArray[np.bool_] | None = None

    def is_same(self, other: GroundTruth) -> bool:
        """Whether both ask for the same; what only VOC looks at plays no part."""
        return all(
            np.array_equal(getattr(self, item.name), getattr(other, item.name))
            for item in fields(self)
            if item.name != "difficult"
        )

    def keep_images(self, kept: NDArray[np.bool_]) -> GroundTruth:
        """That of some of the images, bool [images], which are numbered anew."""
        boxes = kept[self.image]
        of_boxes = {"boxes_xywh_px", "classes", "is_crowd", "area"}
        return replace(
            self,
            source_ids=self.source_ids[kept],
            sizes_hw=self.sizes_hw[kept],
            image=(np.cumsum(kept) - 1)[self.image[boxes]],
            **{name: getattr(self, name)[boxes] for name in of_boxes},
            difficult=None if self.difficult is None else self.difficult[boxes],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found on the images of a `GroundTruth`: [n] boxes."""

    image: NDArray[np.int64]  # [n]
    boxes_xywh_px: NDArray[np.floating[Any]]  # [n, 4]
    classes: NDArray[np.int64]  # [n] label map ids, from 1
    scores: NDArray[np.floating[Any]]  # [n] higher is surer

    def keep(self, kept: NDArray[np.bool_]) -> Found:
        """Some of the boxes, bool [n]; the images keep their numbers."""
        return Found(**{item.name: getattr(self, item.name)[kept] for item in fields(Found)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections(Found):
    """What was found at one checkpoint, and the metrics that it gave."""

    step: int
    metrics: dict[str, float]  # by the Object Detection API's tag; -1: no groundtruth of that kind


def write_groundtruth(path: Path, value: GroundTruth) -> None:
    """Write atomically."""
    arrays = {item.name: getattr(value, item.name) for item in fields(value)}
    _write(path, {name: array for name, array in arrays.items() if array is not None})


def write_detections(path: Path, value: Detections) -> None:
    """Write atomically: when the file is there, the evaluation has happened."""
    arrays = {item.name: getattr(value, item.name) for item in fields(value)}
    _write(path, arrays | {"metrics": json.dumps(value.metrics)})


def write_metrics(path: Path, step: int, metrics: dict[str, float]) -> None:
    """Write an evaluation of which nothing but the metrics is known: another program's."""
    _write(path, {"step": step, "metrics": json.dumps(metrics)})


def read_groundtruth(path: Path) -> GroundTruth:
    """Raises: DataError where the file is absent or not one of ours."""
    arrays = {"difficult": None} | _read(path)
    return GroundTruth(**{item.name: arrays[item.name] for item in fields(GroundTruth)})


def read_detections(path: Path) -> Detections:
    """Raises: DataError where the file is absent or not one of ours."""
    arrays = _read(path)
    if "scores" not in arrays:
        what = f"{path}: holds metrics alone: another program has evaluated this checkpoint"
        raise DataError(what, fix="Evaluate it here, if it is still there: odapi eval RUN --step N")
    values: dict[str, Any] = {item.name: arrays[item.name] for item in fields(Detections)}
    values["step"] = int(values["step"])
    values["metrics"] = json.loads(str(values["metrics"]))
    return Detections(**values)


def read_metrics(path: Path) -> tuple[int, dict[str, float]]:
    """The step and its metrics by tag, without loading the boxes."""
    arrays = _read(path, only=("step", "metrics"))
    return int(arrays["step"]), json.loads(str(arrays["metrics"]))


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with files.replacing(path) as aside:
        np.savez_compressed(aside, **arrays)


def _read(path: Path, only: tuple[str, ...] | None = None) -> dict[str, Any]:
    fix = "Remove the file and evaluate that checkpoint again: odapi eval RUN --step N"
    try:
        # Opened here, since numpy leaves a file open in which it finds a damaged archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in only or stored.files}
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such evaluation", fix=fix) from error
    except _FAULTS as error:
        raise DataError(f"{path}: not an evaluation of odapi ({error})", fix=fix) from error
