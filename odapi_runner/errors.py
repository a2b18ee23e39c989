"""The problems a user can fix, and nothing else.

    click.ClickException
    └── OdapiError            what happened, and what to do: two lines, exit code 1, no traceback
        ├── ConfigError       a pipeline.config, preset, template or override
        ├── DataError         annotations, images, records, label maps
        ├── CheckpointError   a checkpoint that is absent, broken or does not fit
        └── RunError          a run folder, its processes, its state
            ├── GpuError          NVIDIA's driver does not answer
            └── NameTakenError    there is a run of this name already

Any other exception that leaves a command is a bug of odapi and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

import click

# The longest line of an error, and the longest remedy: what they quote may be of any length.
_LONGEST = 500
_LONGEST_FIX = 2000  # the names of all presets

# What the system says of a disk without room (a regular expression), and what is to be done then.
DISK_FULL = r"No space left on device|Disk quota exceeded|File too large"
FREE_SOME_SPACE = "Free some space; then go on with: odapi resume RUN"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOCKED = {errno.EROFS, errno.EACCES, errno.EPERM}


class OdapiError(click.ClickException):
    """A problem the user can fix: shown as what happened, then what to do; exit code 1."""

    def __init__(self, what: str, *, fix: str) -> None:
        self.what = "\n".join(shortened(printable(line)) for line in what.split("\n"))
        self.fix = shortened(printable(fix), _LONGEST_FIX)
        super().__init__(f"{self.what}\n  {self.fix}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process (`fix` is keyword-only)."""
        return _rebuild, (type(self), self.what, self.fix)


class ConfigError(OdapiError):
    """A pipeline.config, preset, template or override that cannot be used as it is."""


class DataError(OdapiError):
    """Annotations, images, records or a label map that cannot be used as they are."""


class CheckpointError(OdapiError):
    """A checkpoint that is absent, broken or does not fit the model."""


class RunError(OdapiError):
    """A run folder, its processes or its state do not allow what was asked."""


class GpuError(RunError):
    """NVIDIA's driver does not answer: nobody knows which GPUs there are, and what they do."""


class NameTakenError(RunError):
    """There is a run of this name already."""


def _rebuild(kind: type[OdapiError], what: str, fix: str) -> OdapiError:
    return kind(what, fix=fix)


def explain(error: OSError) -> OdapiError | None:
    """What a disk does not allow, in words; None for any other error of the system."""
    place = "a file" if error.filename is None else str(error.filename)
    if error.errno in _FULL:
        return OdapiError(f"{place}: cannot be written: {error.strerror}", fix=FREE_SOME_SPACE)
    if error.errno in _LOCKED:
        fix = "Make it yours to write (chmod, mount), or work in another folder: -w DIR"
        return OdapiError(f"{place}: cannot be read or written: {error.strerror}", fix=fix)
    return None


def printable(text: str) -> str:
    r"""A text in which escapes such as `\x00` stand for what cannot be printed, line ends included.

    A name of a file that is no UTF-8 is such a text, too: it holds half of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def shortened(text: str, most: int = _LONGEST) -> str:
    """A text without its end, where it is longer than `most` signs."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def nearest(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known words most like `word`, best first; empty where none is alike."""
    small = {name.casefold(): name for name in sorted(known)}
    found = difflib.get_close_matches(word.casefold(), small, n=most, cutoff=0.6)
    return [small[name] for name in found]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "a" or "b"? `, or the empty string where nothing is alike."""
    words = [f'"{name}"' for name in nearest(word, known)]
    return f"Did you mean {' or '.join(words)}?" if words else ""
