"""Tables in LevelDB's format: sorted keys and values, in blocks with checksums.

    data block … | index block: last key of each data block -> its handle | footer, 48 bytes
    block:   entries | uint32 restart places … | uint32 count of them | compression, 1 byte | crc32c
    entry:   varint shared, unshared, length | key without the bytes it shares with the one before
             | value
    footer:  handle of the metaindex | handle of the index | zeros | magic number, 8 bytes
    handle:  varint offset, size (without compression and checksum)

Numbers are little-endian. Source: tensorflow/core/lib/io/format.cc, block.cc, table.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from odapi_runner.errors import CheckpointError
from odapi_runner.formats.crc32c import masked_crc32c

_FOOTER_SIZE = 48
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_TRAILER = struct.Struct("<BI")
_UINT32 = struct.Struct("<I")
# Keys are paths of variables; longer ones would make many entries out of few bytes.
_LONGEST_KEY = 10_000


class _DamageError(Exception):
    """Bytes that are no table; the sentence says in which way."""


def read_table(path: Path) -> list[tuple[bytes, bytes]]:
    """The keys and values of a table, ascending by key; every checksum is compared.

    Raises:
        CheckpointError: the file cannot be read, is no table, or is damaged.
    """
    try:
        with path.open("rb") as stream:
            return list(_read_entries(stream))
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror})", fix="Check the path and its permissions."
        ) from error
    except _DamageError as error:
        raise CheckpointError(
            f"{path}: {error}", fix="Unpack or copy the checkpoint again."
        ) from error


def read_varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the place behind it.

    Raises:
        ValueError: `data` ends within it, or it has more than 64 bits.
    """
    value = 0
    for count, byte in enumerate(data[place : place + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80 and value < 1 << 64:
            return value, place + count + 1
    raise ValueError("no varint")


def _read_entries(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    end = stream.seek(0, 2) - _FOOTER_SIZE
    stream.seek(max(0, end))
    footer = stream.read()
    if end < 0 or not footer.endswith(_MAGIC):
        raise _DamageError("not the index of a checkpoint, or cut short")
    place = _read_handle(footer, 0)[2]
    offset, size, _ = _read_handle(footer, place)
    before, last = 0, None
    for _, handle in _parse_block(_read_block(stream, offset, size, end)):
        offset, size, _ = _read_handle(handle, 0)
        if offset < before:  # one block told of twice would be read without end
            raise _DamageError(f"its blocks overlap (byte {offset})")
        before = offset + size + _TRAILER.size
        for key, value in _parse_block(_read_block(stream, offset, size, end)):
            if last is not None and key <= last:
                raise _DamageError("its keys are not in order")
            last = key
            yield key, value


def _read_block(stream: BinaryIO, offset: int, size: int, end: int) -> bytes:
    if offset + size + _TRAILER.size > end:
        raise _DamageError(f"a block reaches beyond its end (byte {offset})")
    stream.seek(offset)
    block = stream.read(size + _TRAILER.size)
    if len(block) < size + _TRAILER.size:
        raise _DamageError("cut short, or written anew, while it was read")
    compression, checksum = _TRAILER.unpack_from(block, size)
    if checksum != masked_crc32c(block[: size + 1]):
        raise _DamageError(f"a block is damaged (byte {offset})")
    if compression:
        raise _DamageError("compressed, which no checkpoint's index is")
    return block[:size]


def _parse_block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = _UINT32.unpack(block[-4:])[0] if len(block) >= 4 else 0
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise _DamageError("a block has no restart places")
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        unshared, place = _varint(block, place)
        length, place = _varint(block, place)
        value = place + unshared
        if shared > len(key) or shared + unshared > _LONGEST_KEY or value + length > end:
            raise _DamageError("an entry reaches beyond its block")
        key = key[:shared] + block[place:value]
        place = value + length
        yield key, block[value:place]


def _read_handle(data: bytes, place: int) -> tuple[int, int, int]:
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return offset, size, place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    try:
        return read_varint(data, place)
    except ValueError:
        raise _DamageError("a number in it is cut short") from None
