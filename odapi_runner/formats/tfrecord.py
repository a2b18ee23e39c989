"""TFRecord files: framing, and an index of record places.

A file is nothing but records, one after another:

    uint64 length | uint32 masked CRC-32C of those 8 bytes | payload | uint32 masked CRC-32C of it

All numbers are little-endian. Source: tensorflow/core/lib/io/record_writer.h.
"""

from __future__ import annotations

import contextlib
import os
import struct
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import SEEK_END, RawIOBase
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from odapi_runner.errors import DataError
from odapi_runner.formats.crc32c import masked_crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")

_FIX = "Write the file again: odapi data convert --help"


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """Where the payloads of a file lie; the payloads themselves were not read."""

    path: Path
    offsets: NDArray[np.int64]  # [n] bytes from the start of the file
    lengths: NDArray[np.int64]  # [n] bytes

    def __len__(self) -> int:
        return len(self.offsets)


def index_records(path: Path) -> RecordIndex:
    """Find every record of a file by its header alone.

    Raises:
        DataError: the file cannot be read, a length has the wrong checksum, or the file ends
            within a record.
    """
    offsets, lengths = array("q"), array("q")
    # Twelve bytes here and there: a buffer would read the images, too.
    with _naming(path), path.open("rb", buffering=0) as stream:
        for offset, length in _walk(path, stream):
            offsets.append(offset)
            lengths.append(length)
    return RecordIndex(path, np.array(offsets, np.int64), np.array(lengths, np.int64))


def read_record(index: RecordIndex, number: int) -> bytes:
    """The payload of one record of an index, its checksum compared.

    Raises:
        DataError: the file cannot be read, or the payload is not what was written.
    """
    with open_records(index) as read:
        return read(number)


@contextmanager
def open_records(index: RecordIndex) -> Iterator[Callable[[int], bytes]]:
    """Open the file once, and give `read_record` for the records of its index.

    Raises:
        DataError: the file cannot be opened; from the function, as `read_record`: a record that
            cannot be read does not keep others from being read.
    """
    with _naming(index.path):
        stream = index.path.open("rb")

    def read(number: int) -> bytes:
        offset, length = int(index.offsets[number]), int(index.lengths[number])
        with _naming(index.path):
            stream.seek(offset)
            return _payload(index.path, stream, offset, length)

    with stream:
        yield read


def read_records(path: Path) -> Iterator[bytes]:
    """The payloads of a file in order, every checksum compared; one record in memory at a time.

    Raises:
        DataError: as `index_records`, or a payload is not what was written.
    """
    with _naming(path), path.open("rb") as stream:
        start, end = 0, os.fstat(stream.fileno()).st_size
        while header := stream.read(_HEADER.size):
            length = _length(path, start, header)
            start += _HEADER.size
            if start + length > end:
                raise _cut_short(path, start)
            yield _payload(path, stream, start, length)
            start += length + _FOOTER.size


def read_last_record(path: Path) -> bytes | None:
    """The last whole payload of a file that may still be written to; None where there is none.

    Raises:
        DataError: the file cannot be read.
    """
    last: tuple[int, int] | None = None
    with _naming(path), path.open("rb", buffering=0) as stream:
        with contextlib.suppress(DataError):  # cut short: somebody is writing the rest
            for place in _walk(path, stream):
                last = place
        if last is None:
            return None
        stream.seek(last[0])
        return stream.read(last[1])


@dataclass(slots=True)
class RecordWriter:
    """Writes payloads one after another; use it in a `with` statement."""

    path: Path
    _stream: BinaryIO = field(init=False, repr=False)

    def __enter__(self) -> Self:
        self._stream = self.path.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def write(self, payload: bytes) -> None:
        """Append one record."""
        length = struct.pack("<Q", len(payload))
        self._stream.write(length + _FOOTER.pack(masked_crc32c(length)))
        self._stream.write(payload)
        self._stream.write(_FOOTER.pack(masked_crc32c(payload)))


def _walk(path: Path, stream: RawIOBase) -> Iterator[tuple[int, int]]:
    """Offset and length of each payload."""
    start, end = 0, stream.seek(0, SEEK_END)
    while start < end:
        stream.seek(start)
        length = _length(path, start, stream.read(_HEADER.size) or b"")
        offset = start + _HEADER.size
        start = offset + length + _FOOTER.size
        if start > end:
            raise _cut_short(path, offset)
        yield offset, length


def _length(path: Path, start: int, header: bytes) -> int:
    if len(header) < _HEADER.size:
        raise _cut_short(path, start)
    length, checksum = _HEADER.unpack(header)
    if checksum != masked_crc32c(header[:8]):
        what = "not a TFRecord file" if start == 0 else "the length of a record is damaged"
        raise DataError(f"{path}: {what} (byte {start})", fix=_FIX)
    return int(length)


def _payload(path: Path, stream: BinaryIO, offset: int, length: int) -> bytes:
    # The length is true: its checksum was. What is missing then is the end of the file.
    payload, footer = stream.read(length), stream.read(_FOOTER.size)
    if len(footer) < _FOOTER.size:
        raise _cut_short(path, offset)
    if _FOOTER.unpack(footer)[0] != masked_crc32c(payload):
        raise DataError(f"{path}: a record is damaged (byte {offset})", fix=_FIX)
    return payload


def _cut_short(path: Path, offset: int) -> DataError:
    return DataError(f"{path}: the file ends within a record (byte {offset})", fix=_FIX)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file an error of the system is about."""
    try:
        yield
    except OSError as error:
        what = f"{path}: {error.strerror}"
        raise DataError(what, fix="Give a TFRecord file that can be read.") from error
