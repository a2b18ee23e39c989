"""Format and size of an image from its first bytes, without opening it.

Of the many images of a data set nearly all are as usual, and so are their headers. Whatever is not
is left to Pillow, which knows all that there is.

Source: ITU-T T.81, B.1 and B.2.2 (JPEG's markers and frame header); the PNG specification, 5.2,
5.3 and 11.2.2 (signature, chunks, IHDR).
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_SIZE: Final = struct.Struct(">II")

# A marker, the length of its segment; of a frame header also precision, lines, samples, components.
_SEGMENT: Final = struct.Struct(">BBHBHHB")
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # tables, not frames
_WITHOUT_LENGTH: Final = frozenset({0x00, 0x01, 0xFF, *range(0xD0, 0xDA)})


def parse_usual_header(encoded: bytes | memoryview) -> tuple[str, int, int] | None:
    """`png` or `jpeg`, height and width; None for an image that is neither, or not as usual."""
    head = bytes(encoded[:33])  # where the first chunk of a PNG ends
    if head.startswith(_PNG) and len(head) == 33:
        width, height = _SIZE.unpack_from(head, 16)
        whole = int.from_bytes(head[29:33]) == zlib.crc32(head[12:29])
        return ("png", height, width) if whole and height and width else None
    return _parse_jpeg(encoded) if head.startswith(b"\xff\xd8\xff") else None


def _parse_jpeg(encoded: bytes | memoryview) -> tuple[str, int, int] | None:
    place = 2
    while place + _SEGMENT.size <= len(encoded):
        segment = _SEGMENT.unpack_from(encoded, place)
        mark, marker, length, precision, height, width, components = segment
        if mark != 0xFF or marker in _WITHOUT_LENGTH:
            return None
        if marker in _START_OF_FRAME:
            usual = precision == 8 and components in (1, 3, 4) and height and width
            return ("jpeg", height, width) if usual else None
        place += 2 + length
    return None
