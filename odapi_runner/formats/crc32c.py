"""The checksum of TensorFlow's files: CRC-32C, masked since they hold checksums of checksums.

Source: tensorflow/core/lib/hash/crc32c.h, `Mask`.
"""

from __future__ import annotations

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def masked_crc32c(data: bytes) -> int:
    """The masked checksum of some bytes."""
    return mask(google_crc32c.value(data))


def mask(crc: int) -> int:
    """What is written in the place of a checksum: rotated by 15 bits, plus a constant."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
