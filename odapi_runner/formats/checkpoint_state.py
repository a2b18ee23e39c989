"""The text file `checkpoint`: what TensorFlow finds the newest checkpoint of a folder by.

`tf.train.CheckpointManager` goes on with its rotation by the times in it: one listed without a time
is never removed, and without the time of the last that was kept for good the hours of
`keep_checkpoint_every_n_hours` begin anew.

Source: tensorflow/python/training/checkpoint_state.proto, checkpoint/checkpoint_management.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from odapi_runner import files

# A line without an end was cut short: half a number is one, too.
_LISTED = re.compile(r'^all_model_checkpoint_paths: "(?:.*/)?ckpt-(\d+)"\n', re.MULTILINE)
_TIMES = re.compile(r"^all_model_checkpoint_timestamps: (\d+(?:\.\d+)?)\n", re.MULTILINE)
_PRESERVED = re.compile(r"^last_preserved_timestamp: (\d+(?:\.\d+)?)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """What such a file says.

    Attributes:
        times: when each that is listed was saved, in seconds since the epoch, by number; None where
            the file does not say.
        preserved: when that was saved which was the last to be kept for good; likewise.
    """

    times: Mapping[int, float | None]
    preserved: float | None


def write_checkpoint_state(
    folder: Path,
    numbers: Sequence[int],
    *,
    times: Mapping[int, float] | None = None,
    preserved: float | None = None,
) -> None:
    """List the checkpoints `ckpt-N` of a folder, ascending; without any there is no such file.

    Args:
        folder: where they lie.
        numbers: theirs.
        times: of each, as of `CheckpointState`; without them none of these is rotated away.
        preserved: likewise.
    """
    path = folder / "checkpoint"
    if not numbers:
        path.unlink(missing_ok=True)
        return
    lines = [f'model_checkpoint_path: "ckpt-{numbers[-1]}"']
    lines += [f'all_model_checkpoint_paths: "ckpt-{number}"' for number in numbers]
    if times is not None:
        lines += [f"all_model_checkpoint_timestamps: {times[number]!r}" for number in numbers]
    if preserved is not None:
        lines.append(f"last_preserved_timestamp: {preserved!r}")
    files.write_atomic(path, "".join(f"{line}\n" for line in lines))


def read_checkpoint_state(folder: Path) -> CheckpointState:
    """What TensorFlow knows of a folder's checkpoints; nothing where there is no such file."""
    try:
        text = (folder / "checkpoint").read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return CheckpointState({}, None)
    numbers = [int(number) for number in _LISTED.findall(text)]
    told: list[float | None] = [float(time) for time in _TIMES.findall(text)]
    told += [None] * len(numbers)
    preserved = _PRESERVED.search(text)
    return CheckpointState(
        dict(zip(numbers, told, strict=False)), float(preserved[1]) if preserved else None
    )
