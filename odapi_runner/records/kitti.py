"""KITTI's object benchmark: `training/image_2` and `training/label_2` into a dataset folder.

A label file holds an object a line: type, truncated (0..1), occluded (0 visible, 1 partly,
2 largely, 3 unknown), alpha, box (left, top, right, bottom in pixels from 0), height, width and
length in metres, location x, y, z, rotation_y. DontCare, for objects too far away to be labelled,
has a box and nothing else (-1, -10, -1000).

Source: the object development kit's readme; object_detection/dataset_tools/
create_kitti_tf_record.py (`overlap`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from odapi_runner import files
from odapi_runner.errors import DataError
from odapi_runner.formats.label_map import build_label_map
from odapi_runner.records.convert import (
    Dataset,
    divide,
    read_samples,
    write_dataset,
)
from odapi_runner.records.folder import refuse_to_overwrite
from odapi_runner.records.progress import Track, untracked
from odapi_runner.records.sample import (
    Fault,
    ImageFile,
    Object,
    Sample,
    build_sample,
    intersect,
    list_images,
    read_image,
    refuse_faults,
    refuse_misspelled,
)
from odapi_runner.records.split import split_by_fraction, split_by_list

CLASSES: Final = ("Car", "Pedestrian", "Cyclist")
DONTCARE: Final = "DontCare"
DontCare = Literal["ignore", "drop", "overlap"]

_FIELDS = 15


def convert_kitti(
    folder: Path,
    out: Path,
    *,
    classes: Sequence[str] = CLASSES,
    val_fraction: float = 0.2,
    val_ids: Path | None = None,
    seed: int = 0,
    dontcare: DontCare = "ignore",
    shards: int = 4,
    decode: bool = False,
    skip_bad: bool = False,
    overwrite: bool = False,
    track: Track = untracked,
) -> Dataset:
    """Convert KITTI's training images.

    An empty label file makes an image without boxes; an image without a label file is a bad
    annotation, as is a label file without an image.

    Args:
        folder: holds `training/image_2` and `training/label_2`.
        out: the dataset folder to write.
        classes: types to be found, spelled as in the label files; ids are given in this order.
        val_fraction: floor of this share of the images is for validation.
        val_ids: a file with the ids of the images for validation instead, one a line.
        seed: chooses the images for validation.
        dontcare: `ignore` keeps DontCare regions, so that what is found there is neither right
            nor wrong; `drop` leaves them out, so that it is wrong; `overlap` leaves them and every
            box that touches one out, as the OD API's converter does with `dontcare` in its list.
        shards: files a split.
        decode: decode every image, to find those that are cut short.
        skip_bad: leave bad annotations out, with their images, instead of stopping at them.
        overwrite: replace a dataset in `out`.
        track: shows progress.

    Raises:
        DataError: folders, annotations or options that cannot be used; nothing was written.
    """
    if DONTCARE in classes:
        what = f"{DONTCARE} is no class: such a region holds anything"
        raise DataError(what, fix="Say what becomes of it with --dontcare ignore|drop|overlap.")
    label_map = build_label_map(tuple(classes))
    refuse_to_overwrite(out, label_map, overwrite=overwrite)
    images, faults = _find_pairs(folder)
    samples, bad = read_samples(partial(_read_sample, decode=decode), images, track)
    faults += bad
    refuse_faults(faults, skip_bad=skip_bad)
    mentioned = {item.name for sample in samples for item in sample.objects}
    refuse_misspelled(classes, mentioned - {DONTCARE})
    ids = [sample.source_id for sample in samples]
    chosen = split_by_list(ids, val_ids) if val_ids else split_by_fraction(ids, val_fraction, seed)
    samples = [_with_uses(sample, frozenset(classes), dontcare) for sample in samples]
    return write_dataset(
        out,
        divide(samples, chosen),
        label_map,
        source={
            "format": "kitti",
            "folder": str(folder.resolve()),
            "classes": list(classes),
            "val_fraction": None if val_ids else val_fraction,
            "val_ids": str(val_ids.resolve()) if val_ids else None,
            "seed": None if val_ids else seed,
            "dontcare": dontcare,
        },
        left_out=faults,
        shards=shards,
        track=track,
    )


def parse_label(text: str, path: Path) -> tuple[list[Object], list[Fault]]:
    """The objects of a label file, and the lines that are none."""
    objects, faults = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                objects.append(_parse_line(line.split(), number))
            except ValueError as error:
                faults.append(Fault(path, number, str(error)))
    return objects, faults


def _parse_line(words: Sequence[str], number: int) -> Object:
    if len(words) != _FIELDS:
        raise ValueError(f"{_FIELDS} values expected, {len(words)} found")
    try:
        values = [float(word) for word in words[1:]]
    except ValueError as error:
        raise ValueError(f"{words[0]}: {error}") from error
    if not math.isfinite(values[1]):
        raise ValueError(f"{words[0]}: {words[2]} is no occlusion")
    xmin, ymin, xmax, ymax = values[3:7]
    return Object(
        name=words[0],
        box_xyxy_px=(xmin, ymin, xmax, ymax),
        line=number,
        # DontCare has -1: unknown.
        truncated=max(values[0], 0.0),
        details={
            "occluded": int(values[1]),
            "alpha": values[2],
            "dimensions_hwl_m": values[7:10],
            "location_xyz_m": values[10:13],
            "rotation_y": values[13],
        },
    )


def _find_pairs(folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """The images of the training folder, and the label files without one."""
    for name in ("image_2", "label_2"):
        if not files.is_folder(folder / "training" / name):
            what = f"{folder}: there is no training/{name}"
            raise DataError(what, fix="Give the folder in which KITTI's archives were unpacked.")
    images, faults = list_images(folder / "training" / "image_2")
    if not images:
        what = f"{folder}/training/image_2: there is no image"
        raise DataError(what, fix="Unpack KITTI's images (data_object_image_2.zip) there.")
    labels = sorted((folder / "training" / "label_2").glob("*.txt"))
    faults += [
        Fault(path, None, "there is no image of this name")
        for path in labels
        if path.stem not in images
    ]
    return images, faults


def _read_sample(path: Path, *, decode: bool) -> tuple[Sample | None, list[Fault]]:
    """An image with its objects; None where image or label file cannot be used at all."""
    label = path.parent.parent / "label_2" / f"{path.stem}.txt"
    try:
        text = label.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, [Fault(path, None, f"there is no label file {label.parent.name}/{label.name}")]
    except UnicodeDecodeError:
        return None, [Fault(label, None, "not UTF-8")]
    image = read_image(path, decode=decode)
    if not isinstance(image, ImageFile):
        return None, [image]
    objects, bad_lines = parse_label(text, label)
    return build_sample(path.stem, image, objects, label, bad_lines)


def _with_uses(sample: Sample, classes: frozenset[str], dontcare: DontCare) -> Sample:
    """Decide for each object whether it is to be found, ignored or kept beside the records."""
    regions = [item for item in sample.objects if item.name == DONTCARE]

    def use(item: Object) -> Object:
        if item.name == DONTCARE:
            return replace(item, use="ignore" if dontcare == "ignore" else "beside")
        touches = dontcare == "overlap" and any(intersect(item, region) for region in regions)
        return replace(item, use="find" if item.name in classes and not touches else "beside")

    return replace(sample, objects=tuple(use(item) for item in sample.objects))
