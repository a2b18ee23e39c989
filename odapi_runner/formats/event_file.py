"""What TensorBoard's event files tell: numbers by step and tag, as TF2's writers leave them.

A file is a TFRecord of Event messages. It may still be written to: what is not whole yet is not
there. Source: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from odapi_runner.errors import DataError
from odapi_runner.formats.small_messages import build_messages
from odapi_runner.formats.tfrecord import read_last_record, read_records

_FLOAT = 1  # of tensorflow.DataType
_CLASSES = build_messages(
    "odapi.events",
    {
        "Tensor": {
            "dtype": (1, "int32"),
            "tensor_content": (4, "bytes"),
            "float_val": (5, "[float]"),
        },
        "Value": {"tag": (1, "string"), "tensor": (8, "Tensor")},
        "Summary": {"value": (1, "[Value]")},
        "Event": {"step": (2, "int64"), "summary": (5, "Summary")},
    },
)
Event = _CLASSES["Event"]


def event_files(folder: Path) -> list[Path]:
    """The event files in a folder and below, the oldest first."""
    return sorted(folder.rglob("events.out.tfevents.*"), key=lambda path: path.name)


def read_scalars(path: Path) -> Iterator[tuple[int, str, float]]:
    """Step, tag and value of each number in a file, up to where it is whole."""
    try:
        for payload in read_records(path):
            event = Event.FromString(payload)
            for value in event.summary.value:
                if value.HasField("tensor") and value.tensor.dtype == _FLOAT:
                    number = _number(value.tensor)
                    if number is not None:
                        yield event.step, value.tag, number
    except (DataError, DecodeError):
        return


def read_last_step(path: Path) -> int | None:
    """The step of the last event of a file; None where it has none."""
    payload = read_last_record(path)
    try:
        return None if payload is None else int(Event.FromString(payload).step)
    except DecodeError:
        return None


def _number(tensor: Any) -> float | None:
    """The value of a scalar; None of anything larger."""
    if tensor.tensor_content:
        content = tensor.tensor_content
        return float(struct.unpack("<f", content)[0]) if len(content) == 4 else None
    if len(tensor.float_val) > 1:
        return None
    return float(tensor.float_val[0]) if tensor.float_val else 0.0
