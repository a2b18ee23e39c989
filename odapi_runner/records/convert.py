"""Annotated images into a dataset folder, whatever their format was.

    data/NAME/
      train-00000-of-00004.record …   records of the split `train`
      val-00000-of-00004.record …     records of the split `val`
      label_map.pbtxt                 classes, ids from 1
      dataset.json                    counts, source, options, what was left out
      annotations.jsonl               a line an image: every object of the annotations in their
                                      order, those of other classes and what records have no key
                                      for included; `in_record` is its first place in the record

A region to be ignored becomes one box of every class with `group_of` 1, `is_crowd` 1 and `weight`
0, behind the objects. COCO's evaluation leaves detections in a crowd region out of account, class
by class; the OD API's evaluator passes `is_crowd` on to it but not `group_of`. Its target
assignment trains on crowd regions like on any box unless their weight is 0, which makes the
anchors matched to them count for nothing. So neither loss nor metric punishes, in odapi's engine
and in the unchanged OD API.

Source: object_detection/{core/target_assigner.py (`TargetAssigner.assign`),
metrics/coco_tools.py (`ExportSingleImageGroundtruthToCoco`), data_decoders/tf_example_decoder.py}.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from odapi_runner import __version__, files
from odapi_runner.errors import DataError
from odapi_runner.formats.dataset import ANNOTATIONS, LABEL_MAP, SUMMARY
from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.label_map import LabelMap, write_label_map
from odapi_runner.formats.tfrecord import RecordWriter
from odapi_runner.records.ahead import map_ahead
from odapi_runner.records.folder import replacing_folder
from odapi_runner.records.progress import Track, untracked
from odapi_runner.records.sample import Fault, Object, Sample


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """What the records of one split hold."""

    images: int
    images_without_boxes: int
    boxes: dict[str, int]  # by class
    ignored_regions: int
    beside: int  # objects in annotations.jsonl only


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was written, as `dataset.json` tells it."""

    folder: Path
    splits: dict[str, SplitCounts]
    left_out: tuple[Fault, ...]  # with `skip_bad`: bad annotations, and their images


def read_samples(
    read: Callable[[Path], tuple[Sample | None, list[Fault]]],
    images: Mapping[str, Path],
    track: Track,
) -> tuple[list[Sample], list[Fault]]:
    """Read the annotations of all images with a format's `read`, in order."""
    samples, faults = [], []
    for sample, found in map_ahead(read, track(list(images.values()), "annotations")):
        faults += found
        if sample:
            samples.append(sample)
    return samples, faults


def divide(samples: Sequence[Sample], validation: frozenset[str]) -> dict[str, list[Sample]]:
    """The samples of `train` and of `val`, whose ids are given."""
    return {
        "train": [sample for sample in samples if sample.source_id not in validation],
        "val": [sample for sample in samples if sample.source_id in validation],
    }


def write_dataset(
    out: Path,
    splits: Mapping[str, Sequence[Sample]],
    label_map: LabelMap,
    *,
    source: Mapping[str, Any],
    left_out: Sequence[Fault],
    shards: int,
    track: Track = untracked,
) -> Dataset:
    """Write a dataset folder as a whole; where it fails, `out` stays as it was.

    Args:
        out: the folder; what is there is replaced (`refuse_to_overwrite` comes first).
        splits: the images of each split, in the order of their records.
        label_map: the classes; every object to be found has one of them.
        source: where the annotations come from and with what options, for `dataset.json`.
        left_out: bad annotations that are not in `splits`; nor are their images.
        shards: files a split, at most; none is empty.
        track: shows progress.

    Raises:
        DataError: an image or the folder can no longer be read or written.
    """
    try:
        with replacing_folder(out) as aside:
            with (aside / ANNOTATIONS).open("w", encoding="utf-8") as notes:
                for split, samples in splits.items():
                    for line in _write_split(aside, split, samples, label_map, shards, track):
                        notes.write(line)
            write_label_map(aside / LABEL_MAP, label_map)
            dataset = Dataset(
                folder=out,
                splits={split: _count(samples, label_map) for split, samples in splits.items()},
                left_out=tuple(left_out),
            )
            files.write_json(aside / SUMMARY, _summary(dataset, source))
    except OSError as error:
        what = f"{error.filename or out}: {error.strerror}"
        raise DataError(what, fix="Nothing was written. Make room or access, try again.") from error
    return dataset


def build_annotated(sample: Sample, encoded: bytes, label_map: LabelMap) -> Annotated:
    """The record of an image: its objects, then its ignored regions, one box for each class."""
    found = [(item, item.name) for item in sample.objects if item.use == "find"]
    regions = [item for item in sample.objects if item.use == "ignore"]
    ignored = [(item, name) for item in regions for name in label_map.names()]
    boxes = found + ignored
    corners = np.array([item.box_xyxy_px for item, _ in boxes], np.float64).reshape(-1, 4)
    xmin, ymin, xmax, ymax = corners.T
    height, width = sample.image.height, sample.image.width
    ignore = np.arange(len(boxes)) >= len(found)
    return Annotated(
        source_id=sample.source_id,
        filename=sample.image.path.name,
        height=height,
        width=width,
        encoded=encoded,
        image_format=sample.image.format,
        boxes_yxyx_norm=np.stack(
            [ymin / height, xmin / width, ymax / height, xmax / width], axis=1
        ).astype(np.float32),
        class_names=tuple(name for _, name in boxes),
        class_ids=np.array([label_map.id_of(name) for _, name in boxes], np.int64),
        is_crowd=ignore,
        difficult=np.array([item.difficult for item, _ in boxes], np.bool_),
        group_of=ignore,
        truncated=np.array([item.truncated for item, _ in boxes], np.float32),
        area=((xmax - xmin) * (ymax - ymin)).astype(np.float32),
        weight=(~ignore).astype(np.float32) if ignored else None,
    )


def _write_split(
    folder: Path,
    split: str,
    samples: Sequence[Sample],
    label_map: LabelMap,
    shards: int,
    track: Track,
) -> Iterator[str]:
    """Write the shards of a split; give the line of annotations.jsonl for each image."""
    count = min(shards, len(samples))
    contents = map_ahead(_with_content, track(samples, split))
    for shard in range(count):
        path = folder / f"{split}-{shard:05d}-of-{count:05d}.record"
        size = len(samples) * (shard + 1) // count - len(samples) * shard // count
        with RecordWriter(path) as writer:
            for _ in range(size):
                sample, encoded = next(contents)
                writer.write(encode_example(build_annotated(sample, encoded, label_map)))
                yield _annotation_line(split, sample, len(label_map.items))


def _with_content(sample: Sample) -> tuple[Sample, bytes]:
    return sample, sample.image.path.read_bytes()


def _annotation_line(split: str, sample: Sample, classes: int) -> str:
    places = _places(sample.objects, classes)
    objects = [
        {
            "name": item.name,
            "in_record": place,
            "box_xyxy_px": item.box_xyxy_px,
            "truncated": item.truncated,
            "difficult": item.difficult,
            **item.details,
        }
        for item, place in zip(sample.objects, places, strict=True)
    ]
    line = {
        "source_id": sample.source_id,
        "split": split,
        "filename": sample.image.path.name,
        "objects": objects,
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def _places(objects: Sequence[Object], classes: int) -> list[int | None]:
    """Where `build_annotated` puts each object; None: not in the record."""
    place = {"find": 0, "ignore": sum(item.use == "find" for item in objects)}
    step = {"find": 1, "ignore": classes}
    places: list[int | None] = []
    for item in objects:
        places.append(place.get(item.use))
        if item.use in step:
            place[item.use] += step[item.use]
    return places


def _count(samples: Sequence[Sample], label_map: LabelMap) -> SplitCounts:
    objects = [item for sample in samples for item in sample.objects]
    boxes = Counter(item.name for item in objects if item.use == "find")
    uses = Counter(item.use for item in objects)
    with_boxes = sum(any(item.use == "find" for item in sample.objects) for sample in samples)
    return SplitCounts(
        images=len(samples),
        images_without_boxes=len(samples) - with_boxes,
        boxes={name: boxes[name] for name in label_map.names()},
        ignored_regions=uses["ignore"],
        beside=uses["beside"],
    )


def _summary(dataset: Dataset, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "odapi": __version__,
        "source": dict(source),
        "splits": {name: asdict(counts) for name, counts in dataset.splits.items()},
        "left_out": [fault.as_left_out() for fault in dataset.left_out],
    }
