"""The bytes of a log in blocks of whole lines: of any length, packed or not, growing or not."""

from __future__ import annotations

import gzip
import io
import os
import select
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from odapi_runner.errors import DataError

STDIN = Path("-")
_SIZE = 1 << 18
_LONGEST = 1 << 22  # bytes of a line: of a longer one the end is read
_GZIP = b"\x1f\x8b"
_BETWEEN_LOOKS = 0.25  # seconds
_QUIET = 4  # looks after which nothing more of a row is to be expected


def open_log(path: Path) -> io.BufferedReader:
    """The log's bytes, unpacked where gzip has packed them; `-` is standard input.

    Raises:
        DataError: it cannot be read, or standard input was read already.
    """
    try:
        stream = _open_stdin() if path == STDIN else path.open("rb")
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    try:
        packed = stream.peek(len(_GZIP)).startswith(_GZIP)
    except OSError as error:
        stream.close()
        raise _unreadable(path, error.strerror) from error
    if not packed:
        return stream
    if path == STDIN:
        return cast("io.BufferedReader", gzip.open(stream))
    stream.close()
    return cast("io.BufferedReader", gzip.open(path))


def _open_stdin() -> io.BufferedReader:
    stream = sys.stdin.buffer if sys.stdin else None  # None where the caller has closed it
    if stream is None or stream.closed:
        raise DataError("-: standard input is closed, or read already", fix="Give - once.")
    # A stream in memory, as tests have it, has no `peek`.
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast("io.RawIOBase", stream))


def can_be_reopened(stream: io.BufferedReader, path: Path) -> bool:
    """Whether the path gives the same bytes once more: a file that is not packed does."""
    return path != STDIN and stat.S_ISREG(_mode(stream))


def read_blocks(
    stream: io.BufferedReader, path: Path, on_idle: Callable[[], bool] | None = None
) -> Iterator[bytes]:
    """Blocks that end with a line; the last one may end without.

    Args:
        stream: of `open_log`.
        path: where it is from, for errors.
        on_idle: asked when nothing more is there; True waits for more, as `tail -f` does, and an
            empty block tells of a second in which none came. A file that became shorter, or
            another one, is read from its beginning. A pipe ends when its writers have gone; a
            packed log does not grow, and ends.

    Raises:
        DataError: it cannot be read any further: a packed log was cut.
    """
    begun = b""
    mode = _mode(stream)
    read: Iterator[bytes | None]
    if on_idle is None or not mode:
        read = _read(stream, path)
    elif stat.S_ISREG(mode):
        read = _follow_file(stream, path, on_idle)
    else:
        read = _follow_pipe(stream, path, on_idle)
    for data in read:
        if data is None:  # another file
            begun = b""
            continue
        if not data:
            yield b""
            continue
        whole, end, rest = data.rpartition(b"\n")
        if end:
            yield begun + whole + end
            begun = rest
        elif len(begun) < _LONGEST:
            begun += rest
        else:
            begun = rest
    if begun:
        yield begun


def _read(stream: io.BufferedReader, path: Path) -> Iterator[bytes]:
    """What comes until there is no more."""
    while data := _read_some(stream, path):
        yield data


def _follow_pipe(
    stream: io.BufferedReader, path: Path, on_idle: Callable[[], bool]
) -> Iterator[bytes]:
    """The same; nothing where nothing has come for a second."""
    while data := _read_some(stream, path):
        yield data
        looks = 0
        # Not by a reading that waits: Ctrl-C would not end it.
        while not select.select([stream], [], [], _BETWEEN_LOOKS)[0]:
            if not on_idle():
                return
            looks += 1
            if looks == _QUIET:
                yield b""


def _follow_file(
    stream: io.BufferedReader, path: Path, on_idle: Callable[[], bool]
) -> Iterator[bytes | None]:
    """What comes; None where it begins anew, nothing where nothing has come for a second."""
    looks = 0
    while True:
        if data := _read_some(stream, path):
            looks = 0
            yield data
            continue
        if not on_idle():
            return
        looks += 1
        if looks == _QUIET:
            yield b""
        time.sleep(_BETWEEN_LOOKS)
        if _is_replaced(stream, path):
            stream.close()
            stream = open_log(path)
            yield None


def _read_some(stream: io.BufferedReader, path: Path) -> bytes:
    try:
        return stream.read1(_SIZE)
    except EOFError as error:
        raise DataError(f"{path}: packed, and cut short", fix="Give the whole file.") from error
    except (OSError, zlib.error) as error:
        raise _unreadable(path, str(error)) from error


def _mode(stream: io.IOBase) -> int:
    """What kind of file it is; 0 where it is none, or its places are those of what is unpacked."""
    try:
        return 0 if isinstance(stream, gzip.GzipFile) else os.fstat(stream.fileno()).st_mode
    except OSError:  # a stream in memory
        return 0


def _is_replaced(stream: io.BufferedReader, path: Path) -> bool:
    try:
        there, here = path.stat(), os.fstat(stream.fileno())
    except OSError:  # it is being replaced just now
        return False
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or (
        there.st_size < stream.tell()
    )


def _unreadable(path: Path, why: str | None) -> DataError:
    return DataError(f"{path}: cannot be read ({why})", fix="Give the path of a log file.")
