"""Checkpoints of TF2 without TensorFlow: what is in them by key, and single tensors.

    PREFIX.index                 a table: "" -> header, key of a tensor -> where and what it is
    PREFIX.data-00000-of-00001   the tensors' bytes

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
from google.protobuf.message import DecodeError

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.bundle_messages import BundleEntry, BundleHeader
from odapi_runner.formats.crc32c import mask
from odapi_runner.formats.leveldb import read_table, read_varint

if TYPE_CHECKING:  # a config is checked without it
    from numpy.typing import NDArray

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = "/.OPTIMIZER_SLOT/"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
STEP = f"step{VALUE}"
_TF1_STEP = "global_step"

_FIX = "Unpack or copy the checkpoint again."
# Numbers of tensorflow.DataType: a name, and the bytes of an element. Others are not looked into.
_DTYPES = {
    1: ("float32", 4),
    2: ("float64", 8),
    3: ("int32", 4),
    4: ("uint8", 1),
    5: ("int16", 2),
    6: ("int8", 1),
    9: ("int64", 8),
    10: ("bool", 1),
    14: ("bfloat16", 2),
    17: ("uint16", 2),
    19: ("float16", 2),
    22: ("uint32", 4),
    23: ("uint64", 8),
}
_STRING = "string"
_SIZES = dict(_DTYPES.values())


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a checkpoint: what it is, and where its bytes lie."""

    dtype: str  # as numpy calls it; bfloat16, string; dtype-N for what no variable has
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int  # bytes
    checksum: int  # masked CRC-32C of the bytes
    is_sliced: bool  # its bytes lie under other keys: a partitioned variable of TF1


@dataclass(frozen=True, slots=True)
class CheckpointIndex:
    """The content of an `.index` file."""

    prefix: Path
    shards: int
    tensors: Mapping[str, TensorEntry]  # ascending by key

    @property
    def is_object_based(self) -> bool:
        """Whether it holds the graph of its objects: those of TF2 do, those of TF1 do not."""
        return GRAPH in self.tensors

    def shard(self, number: int) -> Path:
        """The data file of that number."""
        name = f"{self.prefix.name}.data-{number:05d}-of-{self.shards:05d}"
        return self.prefix.with_name(name)


def index_file(prefix: Path) -> Path:
    """The file that lists what a checkpoint holds."""
    return prefix.with_name(f"{prefix.name}.index")


def read_index(prefix: Path) -> CheckpointIndex:
    """Read the index of a checkpoint; its data files are not touched.

    Raises:
        CheckpointError: the index cannot be read, is damaged, or is of no checkpoint.
    """
    path = index_file(prefix)
    table = read_table(path)
    try:
        if not table or table[0][0]:
            raise ValueError("no header")
        header = BundleHeader.FromString(table[0][1])
        if header.endianness or not 0 < header.num_shards < 100_000:
            raise ValueError("not of a little-endian machine, or without data files")
        tensors = {
            # The parts of a partitioned variable have keys that are no text.
            key.decode(errors="backslashreplace"): _build_entry(value, header.num_shards)
            for key, value in table[1:]
        }
    except (DecodeError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged ({error})", fix=_FIX) from error
    return CheckpointIndex(prefix, header.num_shards, tensors)


def check_shards(index: CheckpointIndex) -> None:
    """See that the data files are there and as long as the index says; nothing is read.

    Raises:
        CheckpointError: one is absent or cut short.
    """
    lengths = dict.fromkeys(range(index.shards), 0)
    for entry in index.tensors.values():
        lengths[entry.shard] = max(lengths[entry.shard], entry.offset + entry.size)
    for number, length in lengths.items():
        path = index.shard(number)
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing beside its .index", fix=_FIX)
        if (size := path.stat().st_size) < length:
            what = f"{path}: cut short, {size:,} of {length:,} bytes are there"
            raise CheckpointError(what, fix=_FIX)


def read_step(index: CheckpointIndex) -> int | None:
    """The step at which a training saved it; None where it holds none: a published detector.

    Raises:
        CheckpointError: as `read_tensor`.
    """
    key = STEP if index.is_object_based else _TF1_STEP
    entry = index.tensors.get(key)
    if entry is None or entry.dtype != "int64" or entry.shape:
        return None
    return int.from_bytes(read_bytes(index, key), "little", signed=True)


def read_tensor(index: CheckpointIndex, key: str) -> NDArray[Any]:
    """One tensor; bfloat16 comes as float32.

    Raises:
        KeyError: there is no such tensor.
        CheckpointError: its data file cannot be read or is damaged; it is no array of numbers.
    """
    import numpy as np

    entry = index.tensors[key]
    if entry.dtype not in _SIZES or entry.is_sliced:
        what = f"{index.prefix}: {key} is no array of numbers ({entry.dtype})"
        raise CheckpointError(what, fix="Choose another variable.")
    content = read_bytes(index, key)
    if entry.dtype == "bfloat16":
        wide: NDArray[Any] = np.left_shift(np.frombuffer(content, "<u2"), 16, dtype=np.uint32)
        return wide.view(np.float32).reshape(entry.shape)
    kind = np.dtype(entry.dtype).newbyteorder("<")
    return np.frombuffer(content, kind).reshape(entry.shape).copy()


def read_string(index: CheckpointIndex, key: str) -> bytes:
    """A tensor that is one string: its length, a checksum of the length, its bytes.

    Raises:
        KeyError: there is no such tensor.
        CheckpointError: its data file cannot be read or is damaged; it is no string.
    """
    entry = index.tensors[key]
    content = _read_range(index, key)
    try:
        length, start = read_varint(content, 0)
        (checksum,) = struct.unpack_from("<I", content, start)
    except (ValueError, struct.error) as error:
        raise _damaged(index, key) from error
    # The checksums are of the length as a fixed number; the second is of all three parts.
    crc = google_crc32c.value(struct.pack("<I" if length < 1 << 32 else "<Q", length))
    begin = start + 4
    whole = google_crc32c.extend(google_crc32c.extend(crc, content[start:begin]), content[begin:])
    is_one = entry.dtype == _STRING and not entry.shape and length == len(content) - begin
    if not is_one or checksum != mask(crc) or entry.checksum != mask(whole):
        raise _damaged(index, key)
    return content[begin:]


def read_bytes(index: CheckpointIndex, key: str) -> bytes:
    """The bytes of a tensor of numbers as they lie in its data file, their checksum compared.

    Raises:
        KeyError: there is no such tensor.
        CheckpointError: its data file cannot be read or is damaged.
    """
    content = _read_range(index, key)
    if index.tensors[key].checksum != mask(google_crc32c.value(content)):
        raise _damaged(index, key)
    return content


def _read_range(index: CheckpointIndex, key: str) -> bytes:
    entry = index.tensors[key]
    path = index.shard(entry.shard)
    try:
        with path.open("rb") as stream:
            if stream.seek(0, 2) < entry.offset + entry.size:
                raise _damaged(index, key)
            stream.seek(entry.offset)
            return stream.read(entry.size)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing beside its .index", fix=_FIX) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})", fix=_FIX) from error


def _damaged(index: CheckpointIndex, key: str) -> CheckpointError:
    path = index.shard(index.tensors[key].shard)
    return CheckpointError(f"{path}: {key} is damaged or cut short", fix=_FIX)


def _build_entry(value: bytes, shards: int) -> TensorEntry:
    """One entry, its figures compared with one another.

    Raises:
        DecodeError: the bytes are no entry.
        ValueError: its figures contradict one another.
    """
    entry = BundleEntry.FromString(value)
    shape = tuple(dim.size for dim in entry.shape.dim)
    if entry.dtype == 7:  # DT_STRING
        dtype, expected = _STRING, entry.size
    else:
        dtype, size = _DTYPES.get(entry.dtype, (f"dtype-{entry.dtype}", 0))
        expected = math.prod(shape) * size if size and not entry.slices else entry.size
    fits = min(shape, default=0) >= 0 and entry.offset >= 0 and entry.size == expected >= 0
    if not fits or not 0 <= entry.shard_id < shards:
        raise ValueError("the size of a tensor contradicts its shape")
    return TensorEntry(
        dtype,
        shape,
        entry.shard_id,
        entry.offset,
        entry.size,
        entry.crc32c,
        bool(entry.slices),
    )
