"""Numbers of 32 bits as people write them."""

from __future__ import annotations

import struct


def shortest(value: float) -> float:
    """The shortest decimal that is the same float32: 0.08, not 0.07999999821186066."""
    for digits in range(6, 9):
        candidate = float(f"{value:.{digits}g}")
        if struct.pack("f", candidate) == struct.pack("f", value):
            return candidate
    return float(f"{value:.9g}")
