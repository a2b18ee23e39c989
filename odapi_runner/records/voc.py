"""Pascal VOC: a folder of images and a folder of XML annotations into a dataset folder.

Coordinates are divided by the size of the image as they stand. VOC counts pixels from 1 and the
right-hand pixel as inside, but most tools that write its XML do neither, and the OD API's
converter shifts nothing: so figures stay comparable with its own.

Source: object_detection/dataset_tools/create_pascal_tf_record.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import DataError, did_you_mean
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
    Sample,
    build_sample,
    list_images,
    read_image,
    refuse_faults,
    refuse_misspelled,
)
from odapi_runner.records.split import split_by_fraction, split_by_step
from odapi_runner.records.voc_xml import parse_annotation


def convert_voc(
    images: Path,
    annotations: Path,
    out: Path,
    *,
    classes: Sequence[str] | None = None,
    val_fraction: float = 0.2,
    val_every: int | None = None,
    seed: int = 0,
    shards: int = 4,
    decode: bool = False,
    skip_bad: bool = False,
    overwrite: bool = False,
    track: Track = untracked,
) -> Dataset:
    """Convert images with VOC's XML annotations; `NAME.xml` belongs to the image `NAME.*`.

    An annotation without objects makes an image without boxes; an image without an annotation is
    a bad annotation, as is an annotation without an image.

    Args:
        images: the folder of the images (VOC's `JPEGImages`).
        annotations: the folder of the XML files (VOC's `Annotations`).
        out: the dataset folder to write.
        classes: names to be found; ids are given in this order. None: all, sorted.
        val_fraction: floor of this share of the images is for validation.
        val_every: every Nth image in the order of file names instead, the first one included.
        seed: chooses the images for validation by `val_fraction`.
        shards: files a split.
        decode: decode every image, to find those that are cut short.
        skip_bad: leave bad annotations out, with their images, instead of stopping at them.
        overwrite: replace a dataset in `out`.
        track: shows progress.

    Raises:
        DataError: folders, annotations or options that cannot be used; nothing was written.
    """
    paths, faults = _find_pairs(images, annotations)
    samples, bad = read_samples(partial(_read_sample, annotations, decode=decode), paths, track)
    faults += bad
    refuse_faults(faults, skip_bad=skip_bad)
    mentioned = {item.name for sample in samples for item in sample.objects}
    if not mentioned:
        what = f"{annotations}: no annotation holds an object"
        raise DataError(what, fix="Give the folder of VOC's XML files with --annotations.")
    label_map = build_label_map(tuple(classes or sorted(mentioned)))
    refuse_misspelled(label_map.names(), mentioned)
    refuse_to_overwrite(out, label_map, overwrite=overwrite)
    ids = [sample.source_id for sample in samples]
    if val_every:
        chosen = split_by_step(ids, val_every)
    else:
        chosen = split_by_fraction(ids, val_fraction, seed)
    samples = [_with_uses(sample, frozenset(label_map.names())) for sample in samples]
    return write_dataset(
        out,
        divide(samples, chosen),
        label_map,
        source={
            "format": "voc",
            "images": str(images.resolve()),
            "annotations": str(annotations.resolve()),
            "classes": list(label_map.names()),
            "val_fraction": None if val_every else val_fraction,
            "val_every": val_every,
            "seed": None if val_every else seed,
        },
        left_out=faults,
        shards=shards,
        track=track,
    )


def _with_uses(sample: Sample, classes: frozenset[str]) -> Sample:
    """Keep objects of other classes beside the records."""
    objects = (
        item if item.name in classes else replace(item, use="beside") for item in sample.objects
    )
    return replace(sample, objects=tuple(objects))


def _find_pairs(images: Path, annotations: Path) -> tuple[dict[str, Path], list[Fault]]:
    """The images by stem, and the annotations without one."""
    for folder, option in ((images, "--images"), (annotations, "--annotations")):
        if not files.is_folder(folder):
            raise DataError(f"{folder}: not a folder", fix=f"Give the folder with {option}.")
    paths, faults = list_images(images)
    if not paths:
        what = f"{images}: there is no PNG or JPEG image"
        raise DataError(what, fix="Give the folder of the images with --images.")
    for path in sorted(annotations.glob("*.xml")):
        if path.stem not in paths:
            near = did_you_mean(path.stem, paths)
            faults.append(Fault(path, None, f"there is no image of this name. {near}".strip()))
    return paths, faults


def _read_sample(
    annotations: Path, path: Path, *, decode: bool
) -> tuple[Sample | None, list[Fault]]:
    """An image with its objects; None where image or annotation cannot be used at all."""
    annotation = annotations / f"{path.stem}.xml"
    try:
        voc, bad_objects = parse_annotation(annotation.read_bytes(), annotation)
    except FileNotFoundError:
        return None, [Fault(path, None, f"there is no annotation {annotation.name}")]
    except ValueError as error:
        return None, [Fault(annotation, None, str(error))]
    image = read_image(path, decode=decode)
    if not isinstance(image, ImageFile):
        return None, [image]
    said, is_ = (voc.width, voc.height), (image.width, image.height)
    if all(said) and said != is_:
        why = f"<size> is {said[0]}x{said[1]}, but {path.name} is {is_[0]}x{is_[1]}"
        return None, [Fault(annotation, None, why)]
    return build_sample(path.stem, image, voc.objects, annotation, bad_objects)
