"""tf.train.Example without TensorFlow."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odapi_runner.errors import DataError
from odapi_runner.formats.example import Annotated, decode_example, encode_example
from odapi_runner.formats.features import build_message

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"


def build(boxes: int = 2, **changes: Any) -> Annotated:
    """An annotated image with `boxes` boxes of class Car."""
    value = Annotated(
        source_id="000001",
        filename="000001.png",
        height=375,
        width=1242,
        encoded=PNG,
        image_format="png",
        boxes_yxyx_norm=np.tile(np.array([0.25, 0.5, 0.75, 1.0], np.float32), (boxes, 1)),
        class_names=("Car",) * boxes,
        class_ids=np.ones(boxes, np.int64),
        is_crowd=np.zeros(boxes, np.bool_),
        difficult=np.zeros(boxes, np.bool_),
        group_of=np.zeros(boxes, np.bool_),
        truncated=np.zeros(boxes, np.float32),
        area=np.full(boxes, 100.5, np.float32),
        weight=None,
    )
    return replace(value, **changes)


def assert_same(one: Annotated, other: Annotated) -> None:
    for item in fields(Annotated):
        expected, actual = getattr(one, item.name), getattr(other, item.name)
        if isinstance(expected, np.ndarray):
            assert actual.dtype == expected.dtype, item.name
            np.testing.assert_array_equal(actual, expected, item.name)
        else:
            assert actual == expected, item.name


@st.composite
def annotated(draw: st.DrawFn) -> Annotated:
    """Any annotated image, including those without boxes, without names or without ids."""
    boxes = draw(st.integers(0, 5))

    def array(values: st.SearchStrategy[Any], dtype: Any) -> Any:
        return np.array(draw(st.lists(values, min_size=boxes, max_size=boxes)), dtype)

    number = st.floats(0, 1, width=32)
    corners = [array(number, np.float32) for _ in range(4)]
    names = tuple(draw(st.lists(st.text(), min_size=boxes, max_size=boxes)))
    ids = array(st.integers(-(2**63), 2**63 - 1), np.int64)
    absent = draw(st.sampled_from(["none", "names", "ids"])) if boxes else "none"
    return Annotated(
        source_id=draw(st.text()),
        filename=draw(st.text()),
        height=draw(st.integers(0, 10_000)),
        width=draw(st.integers(0, 10_000)),
        encoded=draw(st.binary(min_size=1, max_size=100)),
        image_format=draw(st.sampled_from(["png", "jpeg"])),
        boxes_yxyx_norm=np.stack(corners, axis=1),
        class_names=() if absent == "names" else names,
        class_ids=np.zeros(0, np.int64) if absent == "ids" else ids,
        is_crowd=array(st.booleans(), np.bool_),
        difficult=array(st.booleans(), np.bool_),
        group_of=array(st.booleans(), np.bool_),
        truncated=array(number, np.float32),
        area=array(st.floats(0, 1e6, width=32), np.float32),
        weight=array(number, np.float32) if boxes and draw(st.booleans()) else None,
    )


@given(value=annotated())
def test_round_trip(value: Annotated) -> None:
    """Decoding gives back what was encoded, and encoding is deterministic."""
    assert_same(value, decode_example(encode_example(value)))
    assert encode_example(value) == encode_example(value)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_in_our_words(data: bytes) -> None:
    """Arbitrary bytes hold no image: a DataError that names the record, never another error."""
    with pytest.raises(DataError, match="here: "):
        decode_example(data, "here")


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_damaged_bytes_are_read_or_refused(place: int, byte: int) -> None:
    """A wrong byte in a record never ends in anything but a value or a DataError."""
    data = bytearray(encode_example(build()))
    data[place % len(data)] = byte
    with suppress(DataError):
        assert isinstance(decode_example(bytes(data)), Annotated)


def raw(**features: Any) -> bytes:
    """A serialized Example of exactly these features; `/` is spelled `__`."""
    message = build_message()
    for name, (kind, values) in features.items():
        getattr(message.features.feature[name.replace("__", "/")], kind).value.extend(values)
    return message.SerializeToString()


CORNERS = {
    f"image__object__bbox__{name}": ("float_list", [value])
    for name, value in zip(("ymin", "xmin", "ymax", "xmax"), (0.0, 0.0, 0.5, 1.0), strict=True)
}


def test_what_may_be_absent() -> None:
    """An image, boxes and names are enough, as they are for the Object Detection API."""
    value = decode_example(
        raw(
            image__encoded=("bytes_list", [PNG]),
            image__object__class__text=("bytes_list", ["차".encode()]),
            **CORNERS,
        )
    )

    assert (value.source_id, value.filename, value.height, value.width) == ("", "", 0, 0)
    assert value.image_format == "png"
    assert value.class_names == ("차",)
    assert value.class_ids.shape == (0,)
    assert value.boxes_yxyx_norm.tolist() == [[0.0, 0.0, 0.5, 1.0]]
    assert value.area.tolist() == [0.0]
    assert value.is_crowd.tolist() == value.group_of.tolist() == [False]
    assert value.weight is None


def test_other_converters_write_truncated_as_integers() -> None:
    """The API's VOC converter writes int64 where its KITTI converter writes float."""
    features = {**CORNERS, "image__object__truncated": ("int64_list", [1])}

    value = decode_example(raw(image__encoded=("bytes_list", [PNG]), **features))

    assert value.truncated.tolist() == [1.0]


@pytest.mark.parametrize(
    ("features", "what"),
    [
        ({}, "image/encoded is empty: there is no image"),
        (
            {**CORNERS, "image__object__bbox__xmin": ("float_list", [0.0, 0.1])},
            "image/object/bbox/xmin holds 2 values for 1 boxes",
        ),
        (
            {**CORNERS, "image__object__area": ("int64_list", [3])},
            "image/object/area is a int64_list, expected a float_list",
        ),
        (
            {**CORNERS, "image__object__class__label": ("int64_list", [1, 2])},
            "image/object/class/label holds 2 values for 1 boxes",
        ),
        ({"image__height": ("int64_list", [1, 2])}, "image/height holds 2 values, not 1"),
        ({"image__source_id": ("bytes_list", [b"\xff"])}, "a text is not UTF-8: b'\\xff'"),
    ],
)
def test_faults_are_named(features: dict[str, Any], what: str) -> None:
    """A record that cannot be used says which feature is wrong."""
    image = {"image__encoded": ("bytes_list", [PNG])} if features else {}

    with pytest.raises(DataError) as caught:
        decode_example(raw(**image, **features), "val.record: record 3")
    assert caught.value.what == f"val.record: record 3: {what}"


@pytest.mark.tf
def test_tensorflow_agrees() -> None:
    """TensorFlow parses ours to the same features, and we parse TensorFlow's bytes."""
    import tensorflow as tf

    value = build(weight=np.array([1, 0], np.float32), class_names=("Car", "보행자"))
    theirs = tf.train.Example.FromString(encode_example(value))
    feature = theirs.features.feature

    assert feature["image/object/class/text"].bytes_list.value[1].decode() == "보행자"
    assert list(feature["image/object/bbox/xmax"].float_list.value) == [1.0, 1.0]
    assert list(feature["image/height"].int64_list.value) == [375]
    assert_same(value, decode_example(theirs.SerializeToString()))
