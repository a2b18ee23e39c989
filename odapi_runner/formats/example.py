"""One labelled image as the Object Detection API stores it: a tf.train.Example, without TensorFlow.

The six messages of tf.train.Example are described here and live in a pool of their own, so that
TensorFlow's can be imported beside them.

Source: tensorflow/core/example/{example,feature}.proto (the messages);
object_detection/data_decoders/tf_example_decoder.py (the keys, and what may be absent).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from odapi_runner.errors import DataError

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

_FIX = "Write the records again (odapi data convert --help), or remove the file."


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


def encode_example(value: Annotated) -> bytes:
    """A serialized tf.train.Example; the same value gives the same bytes."""
    example = _Example()
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
    example = _Example()
    try:
        example.ParseFromString(data)
    except DecodeError as error:
        raise DataError(f"{where}: not a tf.train.Example", fix=_FIX) from error
    reader = _Reader(example.features.feature, where)
    columns = [reader.numbers("float_list", key) for key in (YMIN, XMIN, YMAX, XMAX)]
    boxes = len(columns[0])
    for key, column in zip((XMIN, YMAX, XMAX), columns[1:], strict=True):
        reader.same_length(key, len(column), boxes)
    names = tuple(reader.text(raw) for raw in reader.values("bytes_list", CLASS_TEXT))
    ids = reader.numbers("int64_list", CLASS_LABEL)
    for key, count in ((CLASS_TEXT, len(names)), (CLASS_LABEL, len(ids))):
        if count:
            reader.same_length(key, count, boxes)
    encoded = reader.one("bytes_list", ENCODED, b"")
    if not encoded:
        raise DataError(f"{where}: {ENCODED} is empty: there is no image", fix=_FIX)
    weighted = bool(reader.values("float_list", WEIGHT))
    return Annotated(
        source_id=reader.text(reader.one("bytes_list", SOURCE_ID, b"")),
        filename=reader.text(reader.one("bytes_list", FILENAME, b"")),
        height=reader.one("int64_list", HEIGHT, 0),
        width=reader.one("int64_list", WIDTH, 0),
        encoded=encoded,
        image_format=reader.text(reader.one("bytes_list", FORMAT, b"")) or sniff_format(encoded),
        boxes_yxyx_norm=np.stack(columns, axis=1).astype(np.float32),
        class_names=names,
        class_ids=ids.astype(np.int64),
        is_crowd=reader.per_box("int64_list", IS_CROWD, boxes).astype(np.bool_),
        difficult=reader.per_box("int64_list", DIFFICULT, boxes).astype(np.bool_),
        group_of=reader.per_box("int64_list", GROUP_OF, boxes).astype(np.bool_),
        truncated=reader.per_box(reader.kind(TRUNCATED), TRUNCATED, boxes).astype(np.float32),
        area=reader.per_box("float_list", AREA, boxes).astype(np.float32),
        weight=reader.per_box("float_list", WEIGHT, boxes).astype(np.float32) if weighted else None,
    )


def sniff_format(encoded: bytes) -> str:
    """`jpeg` or `png` by the first bytes, else the empty string."""
    if encoded.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "jpeg" if encoded.startswith(b"\xff\xd8\xff") else ""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads features by key and says which one is not as it should be."""

    features: Any  # map of key to Feature
    where: str

    def kind(self, key: str) -> str:
        """`bytes_list`, `float_list` or `int64_list`; `float_list` where the key is absent."""
        held = self.features[key].WhichOneof("kind") if key in self.features else None
        return held or "float_list"

    def values(self, kind: str, key: str) -> Any:
        """The values of a feature; none where it is absent or holds nothing."""
        if key not in self.features:
            return ()
        feature = self.features[key]
        held = feature.WhichOneof("kind")
        if held in (None, kind):
            return getattr(feature, kind).value
        raise DataError(f"{self.where}: {key} is a {held}, expected a {kind}", fix=_FIX)

    def numbers(self, kind: str, key: str) -> NDArray[Any]:
        dtype = np.float32 if kind == "float_list" else np.int64
        return np.array(self.values(kind, key), dtype)

    def per_box(self, kind: str, key: str, boxes: int) -> NDArray[Any]:
        """One number a box; zeros where the feature is absent."""
        numbers = self.numbers(kind, key)
        if not len(numbers):
            return np.zeros(boxes, numbers.dtype)
        self.same_length(key, len(numbers), boxes)
        return numbers

    def one(self, kind: str, key: str, otherwise: Any) -> Any:
        """The only value of a feature, or `otherwise` where it is absent."""
        values = self.values(kind, key)
        if len(values) > 1:
            raise DataError(f"{self.where}: {key} holds {len(values)} values, not 1", fix=_FIX)
        return values[0] if values else otherwise

    def text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{self.where}: a text is not UTF-8: {raw!r}", fix=_FIX) from error

    def same_length(self, key: str, count: int, boxes: int) -> None:
        if count != boxes:
            raise DataError(f"{self.where}: {key} holds {count} values for {boxes} boxes", fix=_FIX)


# As protoc would describe example.proto and feature.proto; proto3 packs repeated numbers.
_DESCRIPTION = """
name: "odapi/example.proto" package: "tensorflow" syntax: "proto3"
message_type {
  name: "BytesList" field { name: "value" number: 1 type: TYPE_BYTES label: LABEL_REPEATED }
}
message_type {
  name: "FloatList" field { name: "value" number: 1 type: TYPE_FLOAT label: LABEL_REPEATED }
}
message_type {
  name: "Int64List" field { name: "value" number: 1 type: TYPE_INT64 label: LABEL_REPEATED }
}
message_type {
  name: "Feature"
  oneof_decl { name: "kind" }
  field { name: "bytes_list" number: 1 type_name: ".tensorflow.BytesList" oneof_index: 0 }
  field { name: "float_list" number: 2 type_name: ".tensorflow.FloatList" oneof_index: 0 }
  field { name: "int64_list" number: 3 type_name: ".tensorflow.Int64List" oneof_index: 0 }
}
message_type {
  name: "Features"
  field {
    name: "feature" number: 1 label: LABEL_REPEATED type_name: ".tensorflow.Features.FeatureEntry"
  }
  nested_type {
    name: "FeatureEntry"
    options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type_name: ".tensorflow.Feature" }
  }
}
message_type {
  name: "Example" field { name: "features" number: 1 type_name: ".tensorflow.Features" }
}
"""


def _example_class() -> type[Message]:
    file = text_format.Parse(_DESCRIPTION, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


_Example: Any = _example_class()
