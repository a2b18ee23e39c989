"""What TensorBoard's event files tell: numbers by step and tag.

A file is a TFRecord of Event messages. TF2's writers put a number into a tensor, those of TF1, of
PyTorch and of whoever else writes such files beside it. It may still be written to: what is not
whole yet is not there.
Source: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto;
tensorboard/plugins/hparams/metadata.py for the tags of its settings.
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

_FLOAT, _DOUBLE = 1, 2  # of tensorflow.DataType
_FIRST = b"brain.Event:"  # what the first event of a file says: the version of the format
# Settings of a run, each with a number beside it that means nothing.
_SETTINGS = "_hparams_/"
_CLASSES = build_messages(
    "odapi.events",
    {
        "Tensor": {
            "dtype": (1, "int32"),
            "tensor_content": (4, "bytes"),
            "float_val": (5, "[float]"),
            "double_val": (6, "[double]"),
        },
        "Value": {
            "tag": (1, "string"),
            "simple_value": (2, "[float]"),  # one or none: a list tells 0 from nothing
            "tensor": (8, "Tensor"),
        },
        "Summary": {"value": (1, "[Value]")},
        "Event": {"step": (2, "int64"), "summary": (5, "Summary")},
    },
)
Event = _CLASSES["Event"]


def event_files(folder: Path) -> list[Path]:
    """The event files in a folder and below, the oldest first."""
    return sorted(folder.rglob("events.out.tfevents.*"), key=lambda path: path.name)


def is_event_file(head: bytes) -> bool:
    """Whether a file that begins with these bytes is one."""
    return _FIRST in head[:64]


def read_scalars(path: Path) -> Iterator[tuple[int, str, float]]:
    """Step, tag and value of each number in a file, up to where it is whole."""
    try:
        yield from read_whole_scalars(path)
    except DataError:
        return


def read_whole_scalars(path: Path) -> Iterator[tuple[int, str, float]]:
    """Step, tag and value of each number in a file.

    Raises:
        DataError: the file cannot be read any further.
    """
    for payload in read_records(path):
        try:
            event = Event.FromString(payload)
        except DecodeError as error:
            raise DataError(
                f"{path}: holds a record that is no event", fix="Give an event file."
            ) from error
        for value in event.summary.value:
            number = _number(value)
            if number is not None and not value.tag.startswith(_SETTINGS):
                yield event.step, value.tag, number


def read_last_step(path: Path) -> int | None:
    """The step of the last event of a file; None where it has none."""
    payload = read_last_record(path)
    try:
        return None if payload is None else int(Event.FromString(payload).step)
    except DecodeError:
        return None


def _number(value: Any) -> float | None:
    """The value of a scalar; None of anything larger, and of what is no number."""
    if value.simple_value:
        return float(value.simple_value[-1])
    tensor = value.tensor
    if not value.HasField("tensor") or tensor.dtype not in {_FLOAT, _DOUBLE}:
        return None
    form, listed = ("<f", tensor.float_val) if tensor.dtype == _FLOAT else ("<d", tensor.double_val)
    if content := tensor.tensor_content:
        whole = len(content) == struct.calcsize(form)
        return float(struct.unpack(form, content)[0]) if whole else None
    if len(listed) > 1:
        return None
    return float(listed[0]) if listed else 0.0
