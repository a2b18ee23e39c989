"""What google/automl's main.py is to be evaluated on: numbers for source ids, and a COCO file.

It turns source ids into floats of 32 bits (dataloader.py, `tf.strings.to_number`), and looks its
groundtruth up by them (coco_metric.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner import files
from odapi_runner.formats.detections import GroundTruth
from odapi_runner.formats.example import SOURCE_ID, decode_example
from odapi_runner.formats.features import build_message
from odapi_runner.formats.groundtruth import build_groundtruth
from odapi_runner.formats.label_map import read_label_map
from odapi_runner.formats.patterns import expand_patterns
from odapi_runner.formats.tfrecord import RecordWriter, index_records, read_records

_EXACT: Final = 1 << 24  # the numbers up to here are floats of 32 bits


@dataclass(frozen=True, slots=True)
class Validation:
    """The records that an evaluation reads, and what they hold."""

    pattern: str  # of the files
    groundtruth: GroundTruth
    numbers: NDArray[np.int64]  # [images] what the program calls each image


def count_examples(reader: Any, root: Path) -> int:
    """How many records a reader of the config has."""
    paths = expand_patterns(reader.tf_record_input_reader.input_path, root)
    return sum(len(index_records(path)) for path in paths)


def file_pattern(reader: Any, root: Path, folder: Path) -> str:
    """One pattern for the files of a reader: main.py takes no more.

    Where the config has several, the files get further names in a folder of their own, which
    holds no others.
    """
    patterns = reader.tf_record_input_reader.input_path
    if len(patterns) == 1:
        return str((root / patterns[0]).absolute())
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.glob("*.record"):  # of a config before
        link.unlink()
    for number, path in enumerate(expand_patterns(patterns, root)):
        (folder / f"{number:05d}.record").symlink_to(path.absolute())
    return str(folder.absolute() / "*.record")


def write_validation(reader: Any, root: Path, folder: Path) -> Validation:
    """Write `val.json`, and `val.record` where the source ids of the config's are no numbers.

    Args:
        reader: the config's eval_input_reader.
        root: of the workspace.
        folder: where to.
    """
    paths = expand_patterns(reader.tf_record_input_reader.input_path, root)
    built = build_groundtruth(
        (decode_example(record) for record in _records(paths)),
        read_label_map(root / reader.label_map_path),
        max_boxes=reader.max_number_of_boxes,
    )
    found = built.groundtruth
    numbers = _own_numbers(found.source_ids)
    if numbers is None or built.duplicates:
        numbers = np.arange(1, len(found.source_ids) + 1, dtype=np.int64)
        pattern = str((folder / "val.record").absolute())
        _write_numbered(Path(pattern), paths, built.records, numbers)
    else:
        pattern = file_pattern(reader, root, folder / "val")
    files.write_json(folder / "val.json", _as_coco(found, numbers))
    return Validation(pattern, found, numbers)


def _records(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        yield from read_records(path)


def _own_numbers(source_ids: NDArray[np.str_]) -> NDArray[np.int64] | None:
    """The source ids as numbers; None where one is none, or two are the same."""
    if not all(one.isascii() and one.isdecimal() for one in source_ids):
        return None
    numbers = np.array([int(one) for one in source_ids], object)
    if len(set(numbers)) < len(numbers) or any(one >= _EXACT for one in numbers):
        return None
    return numbers.astype(np.int64)


def _write_numbered(
    path: Path, paths: list[Path], kept: NDArray[np.int64], numbers: NDArray[np.int64]
) -> None:
    """The kept records with numbers for source ids."""
    number_of = dict(zip(kept.tolist(), numbers.tolist(), strict=True))
    with files.replacing(path) as aside, RecordWriter(aside) as writer:
        for place, record in enumerate(_records(paths)):
            if place not in number_of:
                continue
            more = build_message()
            source_id = str(number_of[place]).encode()
            more.features.feature[SOURCE_ID].bytes_list.value.append(source_id)
            # Messages that follow on one another are merged, and of a key the last value counts.
            writer.write(record + more.SerializeToString())


def _as_coco(found: GroundTruth, numbers: NDArray[np.int64]) -> dict[str, Any]:
    """The groundtruth in COCO's format, classes by their ids in the label map."""
    images = [
        {"id": number, "height": height, "width": width}
        for number, (height, width) in zip(numbers.tolist(), found.sizes_hw.tolist(), strict=True)
    ]
    boxes = zip(
        numbers[found.image].tolist(),
        found.classes.tolist(),
        found.boxes_xywh_px.tolist(),
        found.area.tolist(),
        found.is_crowd.tolist(),
        strict=True,
    )
    annotations = [
        {"id": place, "image_id": image, "category_id": kind, "bbox": box,
         "area": area, "iscrowd": int(crowd)}
        for place, (image, kind, box, area, crowd) in enumerate(boxes, 1)
    ]  # fmt: skip
    names = zip(found.class_ids.tolist(), found.class_names.tolist(), strict=True)
    categories = [{"id": kind, "name": name} for kind, name in names]
    return {"images": images, "annotations": annotations, "categories": categories}
