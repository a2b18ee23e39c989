"""The text file `checkpoint`: what TensorFlow finds the newest checkpoint of a folder by.

Source: tensorflow/python/training/checkpoint_state.proto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from odapi_runner import files

_LISTED = re.compile(r'^all_model_checkpoint_paths: "(?:.*/)?ckpt-(\d+)"$', re.MULTILINE)


def write_checkpoint_state(folder: Path, numbers: Sequence[int]) -> None:
    """List the checkpoints `ckpt-N` of a folder, ascending; without any there is no such file."""
    path = folder / "checkpoint"
    if not numbers:
        path.unlink(missing_ok=True)
        return
    lines = [f'model_checkpoint_path: "ckpt-{numbers[-1]}"']
    lines += [f'all_model_checkpoint_paths: "ckpt-{number}"' for number in numbers]
    files.write_atomic(path, "".join(f"{line}\n" for line in lines))


def read_checkpoint_state(folder: Path) -> list[int]:
    """The numbers of the checkpoints that TensorFlow knows of; none where there is no such file."""
    try:
        text = (folder / "checkpoint").read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [int(number) for number in _LISTED.findall(text)]
