"""Features of a tf.train.Example: the large ones found, the others parsed, as one parser would."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.errors import DataError
from odapi_runner.formats.features import Features, build_message, parse_features

IMAGE = bytes(range(256)) * 40  # 10 KB: large enough to be found rather than parsed


def serialize(features: dict[str, tuple[str, list[Any]]]) -> bytes:
    message = build_message()
    for key, (kind, values) in features.items():
        getattr(message.features.feature[key], kind).value.extend(values)
    data: bytes = message.SerializeToString(deterministic=True)
    return data


RECORD = serialize(
    {
        "image/encoded": ("bytes_list", [IMAGE]),
        "image/height": ("int64_list", [375]),
        "masks": ("bytes_list", [IMAGE, IMAGE]),
        "xmin": ("float_list", [0.25, 0.5]),
        "numerical masks": ("float_list", [0.0] * 4000),
    }
)


def whole(data: bytes) -> dict[str, tuple[str | None, list[Any]]]:
    """All features as the parser of protocol buffers has them."""
    message = build_message()
    message.ParseFromString(data)
    found = {}
    for key, feature in message.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[key] = (kind, list(getattr(feature, kind).value) if kind else [])
    return found


def told(features: Features, keys: list[str]) -> dict[str, tuple[str | None, list[Any]]]:
    """The same of what was parsed here."""
    found = {}
    for key in keys:
        kind = features.kind(key)
        values = features.values(kind, key) if kind else ()
        found[key] = (kind, [bytes(v) if isinstance(v, memoryview) else v for v in values])
    return found


def test_a_large_value_is_a_part_of_the_record() -> None:
    """Nothing of the image is copied; lists, and what is small, are parsed as ever."""
    features = parse_features(RECORD)

    (image,) = features.values("bytes_list", "image/encoded")
    assert isinstance(image, memoryview)
    assert image.obj is RECORD
    assert bytes(image) == IMAGE
    assert features.values("bytes_list", "masks") == [IMAGE, IMAGE]
    assert features.values("int64_list", "image/height") == [375]
    assert features.values("float_list", "xmin") == [0.25, 0.5]
    assert features.per_box("float_list", "xmax", 2) == [0, 0]
    assert [features.has(key) for key in ("image/encoded", "masks", "xmax")] == [True, True, False]


@pytest.mark.parametrize("order", [("large", "small"), ("small", "large"), ("large", "large")])
def test_the_last_of_a_key_counts(order: tuple[str, str]) -> None:
    """As in every map of protocol buffers, whatever the sizes of the values."""
    values = {"large": IMAGE, "small": b"small"}
    one, other = (serialize({"image/encoded": ("bytes_list", [values[size]])}) for size in order)
    message = build_message()
    message.ParseFromString(one + other)
    for data in (one + other, one.removeprefix(b"") + other):
        features = parse_features(data)
        assert bytes(features.one("bytes_list", "image/encoded", b"")) == values[order[1]]


def test_a_large_value_has_its_kind_too() -> None:
    """A picture where a number belongs is refused with the name of the record."""
    with pytest.raises(DataError, match="here: image/encoded is a bytes_list, expected a float"):
        parse_features(RECORD, "here").values("float_list", "image/encoded")


@settings(max_examples=300, deadline=None)
@given(
    cut=st.integers(0, len(RECORD)),
    places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    twice=st.booleans(),
)
def test_damaged_records_are_what_the_parser_says(
    cut: int, places: list[tuple[int, int]], *, twice: bool
) -> None:
    """Wrong bytes at its head, a cut, a second record behind it: the same features or none."""
    data = bytearray(RECORD[: cut or len(RECORD)] + RECORD * twice)
    for place, byte in places:
        data[place % len(data)] = byte
    try:
        expected = whole(bytes(data))
    except DecodeError:
        with pytest.raises(DataError, match=r"here: not a tf\.train\.Example"):
            parse_features(bytes(data), "here")
        return
    found = told(parse_features(bytes(data), "here"), list(expected))
    assert repr(found) == repr(expected)  # NaN is NaN here


@given(data=st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """A value or a DataError."""
    with suppress(DataError):
        parse_features(data)
