"""Records with images that a test draws."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from odapi_runner.formats.example import Annotated, encode_example
from odapi_runner.formats.tfrecord import RecordWriter

LABEL_MAP = "".join(
    f"item {{ id: {number} name: '{name}' }}\n"
    for number, name in enumerate(("Car", "Pedestrian", "Cyclist"), start=1)
)


def encoded(image: np.ndarray | Image.Image, kind: str = "png") -> bytes:
    """An image as a file's bytes."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()


def annotated(
    source_id: str = "one",
    boxes: Sequence[Sequence[float]] = ((0.25, 0.25, 0.75, 0.5),),
    names: Sequence[str] | None = None,
    image: bytes | None = None,
    **more: Any,
) -> Annotated:
    """A grey image of 40 x 80 pixels with one car, changed; no two ids have the same image."""
    count = len(boxes)
    picture = np.full((40, 80, 3), 128, np.uint8)
    if source_id != "one":
        picture[0, 0] = list(zlib.crc32(source_id.encode()).to_bytes(4)[:3])
    values: dict[str, Any] = {
        "source_id": source_id,
        "filename": f"{source_id}.png",
        "height": 40,
        "width": 80,
        "encoded": encoded(picture) if image is None else image,
        "image_format": "png",
        "boxes_yxyx_norm": np.array(boxes, np.float32).reshape(-1, 4),
        "class_names": tuple(["Car"] * count if names is None else names),
        "class_ids": np.zeros(0, np.int64),
        "is_crowd": np.zeros(count, np.bool_),
        "difficult": np.zeros(count, np.bool_),
        "group_of": np.zeros(count, np.bool_),
        "truncated": np.zeros(count, np.float32),
        "area": np.zeros(count, np.float32),
    }
    return Annotated(**(values | more))


def write_records(path: Path, examples: Iterable[Annotated]) -> Path:
    """One record file, and the label map of three classes beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "label_map.pbtxt").write_text(LABEL_MAP, encoding="utf-8")
    with RecordWriter(path) as writer:
        for example in examples:
            writer.write(encode_example(example))
    return path
