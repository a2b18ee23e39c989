"""One labelled image as the Object Detection API stores it: a tf.train.Example, without TensorFlow.

Source: object_detection/data_decoders/tf_example_decoder.py (the keys, and what may be absent).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from odapi_runner.formats.features import Features, build_message, parse_features

ENCODED: Final = "image/encoded"
FORMAT: Final = "image/format"
FILENAME: Final = "image/filename"
SOURCE_ID: Final = "image/source_id"
HEIGHT: Final = "image/height"
WIDTH: Final = "image/width"
YMIN: Final = "image/object/bbox/ymin"
XMIN: Final = "image/object/bbox/xmin"
YMAX: Final = "image/object/bbox/ymax"
XMAX: Final = "image/object/bbox/xmax"
CLASS_TEXT: Final = "image/object/class/text"
CLASS_LABEL: Final = "image/object/class/label"
AREA: Final = "image/object/area"
IS_CROWD: Final = "image/object/is_crowd"
DIFFICULT: Final = "image/object/difficult"
GROUP_OF: Final = "image/object/group_of"
TRUNCATED: Final = "image/object/truncated"
WEIGHT: Final = "image/object/weight"
CLASS_SCORES: Final = "image/object/class/multiclass_scores"


@dataclass(frozen=True, slots=True)
class Annotated:
    """An encoded image and the n boxes on it."""

    source_id: str
    filename: str
    height: int  # pixels; 0: the record does not say
    width: int
    encoded: bytes
    image_format: str  # "jpeg" or "png"
    boxes_yxyx_norm: NDArray[np.float32]  # [n, 4] (ymin, xmin, ymax, xmax), 0..1 of the image
    class_names: tuple[str, ...]  # n, or none where the record has ids only
    class_ids: NDArray[np.int64]  # [n] ids of the label map, or [0] where it has names only
    is_crowd: NDArray[np.bool_]  # [n]
    difficult: NDArray[np.bool_]  # [n]
    group_of: NDArray[np.bool_]  # [n]
    truncated: NDArray[np.float32]  # [n] 0 (whole) .. 1 (outside the image)
    area: NDArray[np.float32]  # [n] pixels; 0: to be taken from the box
    weight: NDArray[np.float32] | None = None  # [n] of the box in the loss; None: 1 each
    class_scores: NDArray[np.float32] | None = None  # [n, classes]; None: the record has none


def encode_example(value: Annotated) -> bytes:
    """A serialized tf.train.Example; the same value gives the same bytes."""
    example = build_message()
    features = example.features.feature

    def put(kind: str, key: str, values: Any) -> None:
        getattr(features[key], kind).value.extend(values)

    put("bytes_list", ENCODED, [value.encoded])
    put("bytes_list", FORMAT, [value.image_format.encode()])
    put("bytes_list", FILENAME, [value.filename.encode()])
    put("bytes_list", SOURCE_ID, [value.source_id.encode()])
    put("int64_list", HEIGHT, [value.height])
    put("int64_list", WIDTH, [value.width])
    for column, key in enumerate((YMIN, XMIN, YMAX, XMAX)):
        put("float_list", key, value.boxes_yxyx_norm[:, column].tolist())
    # A key that is there, but empty, would be taken for "no classes": leave absent what is not.
    boxes = len(value.boxes_yxyx_norm)
    if len(value.class_names) == boxes:
        put("bytes_list", CLASS_TEXT, [name.encode() for name in value.class_names])
    if len(value.class_ids) == boxes:
        put("int64_list", CLASS_LABEL, value.class_ids.tolist())
    put("int64_list", IS_CROWD, value.is_crowd.astype(np.int64).tolist())
    put("int64_list", DIFFICULT, value.difficult.astype(np.int64).tolist())
    put("int64_list", GROUP_OF, value.group_of.astype(np.int64).tolist())
    put("float_list", TRUNCATED, value.truncated.tolist())
    put("float_list", AREA, value.area.tolist())
    if value.weight is not None:
        put("float_list", WEIGHT, value.weight.tolist())
    if value.class_scores is not None:
        put("float_list", CLASS_SCORES, value.class_scores.ravel().tolist())
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def decode_example(data: bytes, where: str = "record") -> Annotated:
    """The inverse of `encode_example`, for records of any converter.

    What the Object Detection API does without may be absent: flags are then false, `area` 0,
    `weight` None. `image/format` defaults to what the first bytes say.

    Raises:
        DataError: `data` is no tf.train.Example, a feature is of the wrong kind or length, or
            there is no image; `where` names the record.
    """
    features = parse_features(data, where)
    fields = read_fields(features)
    scores = np.array(features.values("float_list", CLASS_SCORES), np.float32)
    if len(scores) and (not len(fields) or len(scores) % len(fields)):
        features.refuse(f"{CLASS_SCORES} has {len(scores)} values for {len(fields)} boxes")
    return Annotated(
        source_id=fields.source_id,
        filename=fields.filename,
        height=fields.height,
        width=fields.width,
        encoded=bytes(find_image(features)),
        image_format=fields.image_format,
        boxes_yxyx_norm=np.array(fields.corners, np.float32).T.copy(),
        class_names=tuple(fields.class_names),
        class_ids=np.array(fields.class_ids, np.int64),
        is_crowd=np.array(fields.is_crowd, np.int64).astype(np.bool_),
        difficult=np.array(fields.difficult, np.int64).astype(np.bool_),
        group_of=np.array(fields.group_of, np.int64).astype(np.bool_),
        truncated=np.array(fields.truncated, np.float32),
        area=np.array(fields.area, np.float32),
        weight=None if fields.weight is None else np.array(fields.weight, np.float32),
        class_scores=scores.reshape(len(fields), -1) if len(scores) else None,
    )


@dataclass(frozen=True, slots=True)
class Fields:
    """What a record says of its image and of the n boxes on it: `Annotated` in plain values."""

    source_id: str
    filename: str
    height: int
    width: int
    image_format: str
    corners: tuple[Sequence[float], ...]  # [4][n] ymin, xmin, ymax, xmax
    class_names: Sequence[str]
    class_ids: Sequence[int]
    is_crowd: Sequence[int]
    difficult: Sequence[int]
    group_of: Sequence[int]
    truncated: Sequence[float]
    area: Sequence[float]
    weight: Sequence[float] | None

    def __len__(self) -> int:
        return len(self.corners[0])


def read_fields(features: Features) -> Fields:
    """What `decode_example` makes arrays of, its image left where it is.

    Raises:
        DataError: as `decode_example`.
    """
    corners = tuple(features.values("float_list", key) for key in (YMIN, XMIN, YMAX, XMAX))
    boxes = len(corners[0])
    for key, column in zip((XMIN, YMAX, XMAX), corners[1:], strict=True):
        features.same_length(key, len(column), boxes)
    names = [features.text(raw) for raw in features.values("bytes_list", CLASS_TEXT)]
    ids = features.values("int64_list", CLASS_LABEL)
    for key, count in ((CLASS_TEXT, len(names)), (CLASS_LABEL, len(ids))):
        if count:
            features.same_length(key, count, boxes)
    head = bytes(find_image(features)[:8])
    return Fields(
        source_id=features.text(features.one("bytes_list", SOURCE_ID, b"")),
        filename=features.text(features.one("bytes_list", FILENAME, b"")),
        height=features.one("int64_list", HEIGHT, 0),
        width=features.one("int64_list", WIDTH, 0),
        image_format=features.text(features.one("bytes_list", FORMAT, b"")) or sniff_format(head),
        corners=corners,
        class_names=names,
        class_ids=ids,
        is_crowd=features.per_box("int64_list", IS_CROWD, boxes),
        difficult=features.per_box("int64_list", DIFFICULT, boxes),
        group_of=features.per_box("int64_list", GROUP_OF, boxes),
        truncated=features.per_box(features.kind(TRUNCATED) or "float_list", TRUNCATED, boxes),
        area=features.per_box("float_list", AREA, boxes),
        weight=features.per_box("float_list", WEIGHT, boxes) if features.has(WEIGHT) else None,
    )


def find_image(features: Features) -> bytes | memoryview:
    """The encoded image: a part of the record that was parsed, not a copy, unless it is small.

    Raises:
        DataError: there is none.
    """
    encoded: bytes | memoryview = features.one("bytes_list", ENCODED, b"")
    if not encoded:
        features.refuse(f"{ENCODED} is empty: there is no image")
    return encoded


def sniff_format(encoded: bytes) -> str:
    """`jpeg` or `png` by the first bytes, else the empty string."""
    if encoded.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "jpeg" if encoded.startswith(b"\xff\xd8\xff") else ""
