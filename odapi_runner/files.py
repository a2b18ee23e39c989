"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block succeeds.

    The parent folder is made. Where the block raises, the temporary file is removed and an
    existing `path` keeps its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays last: writers such as numpy.savez append one that they do not find.
    aside = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield aside
        take_from_others(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def for_others_to_read() -> Iterator[None]:
    """Inside the block, and in processes started there, nothing is made that anybody may write.

    Whatever the umask was allows, but writing by others; it is of the whole process.
    """
    before = os.umask(stat.S_IWOTH)
    os.umask(before | stat.S_IWOTH)
    try:
        yield
    finally:
        os.umask(before)


def take_from_others(path: Path) -> None:
    """Let nobody but its owner and their group write a file or folder."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWOTH:
        path.chmod(mode & ~stat.S_IWOTH)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace the content of `path` as a whole; text is written as UTF-8 with Unix line ends.

    What is there and no file, a pipe or a device such as `/dev/stdout`, is written to: a rename
    would put a file in its place.
    """
    data = content.encode() if isinstance(content, str) else content
    if exists(path) and not path.is_file():
        path.write_bytes(data)
        return
    with replacing(path) as aside:
        aside.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically, with a final newline."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file; OSError and json.JSONDecodeError are the caller's to explain."""
    return json.loads(path.read_text(encoding="utf-8"))


def exists(path: Path) -> bool:
    """Whether there is such a file or folder.

    `Path.exists` raises where a name is longer than a file's can be, which a mistyped one may be.
    """
    try:
        path.stat()
    except (OSError, ValueError):  # a zero byte in the name
        return False
    return True


def is_file(path: Path) -> bool:
    """Whether there is such a file; as `exists`."""
    return exists(path) and path.is_file()


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; as `exists`."""
    return exists(path) and path.is_dir()


def append_line(path: Path, line: str) -> None:
    """Append one line with a single write, so that lines of several processes do not mix.

    Where the disk is full, nothing of it is written.
    """
    path.parent.mkdir(mode=0o775, parents=True, exist_ok=True)  # not for others to write
    data = (line + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if (written := os.write(descriptor, data)) < len(data):
            os.ftruncate(descriptor, size)  # half a line would spoil the next one
            raise OSError(errno.ENOSPC, f"{written} of {len(data)} bytes written", str(path))
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` another name of `source`, or a copy where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        with replacing(target) as aside:
            shutil.copyfile(source, aside)


def keep_backup(path: Path) -> Path:
    """Give a file, as it is, another name that stays when it is replaced.

    Returns:
        `NAME.bak`, or `NAME.bak-2`, …: an older backup is replaced by none.
    """
    for number in itertools.count(1):
        backup = path.with_name(f"{path.name}.bak" + (f"-{number}" if number > 1 else ""))
        if not backup.exists():
            link_or_copy(path, backup)
            return backup
        if backup.read_bytes() == path.read_bytes():
            return backup
    raise AssertionError("itertools.count does not end")


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
