"""The text file `checkpoint`: what TensorFlow finds the newest checkpoint of a folder by.

Source: tensorflow/python/training/checkpoint_state.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from odapi_runner import files


def write_checkpoint_state(folder: Path, numbers: Sequence[int]) -> None:
    """List the checkpoints `ckpt-N` of a folder, ascending; without any there is no such file."""
    path = folder / "checkpoint"
    if not numbers:
        path.unlink(missing_ok=True)
        return
    lines = [f'model_checkpoint_path: "ckpt-{numbers[-1]}"']
    lines += [f'all_model_checkpoint_paths: "ckpt-{number}"' for number in numbers]
    files.write_atomic(path, "".join(f"{line}\n" for line in lines))
