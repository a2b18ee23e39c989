"""`model.ckpt-STEP` of google/automl's main.py, and `ckpt-STEP` of a run: the same files.

Source: tensorflow/python/training/basic_session_run_hooks.py, `CheckpointSaverHook` (the names).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from odapi_runner import files
from odapi_runner.errors import CheckpointError
from odapi_runner.formats.checkpoint_index import check_shards, read_index

_THEIRS: Final = "model.ckpt"
_OURS: Final = "ckpt"


def saved_steps(folder: Path) -> list[int]:
    """The steps of the whole checkpoints that the program has in a folder, but the very first."""
    found = []
    for index in folder.glob(f"{_THEIRS}-*.index"):
        step = index.stem.rpartition("-")[2]
        if not step.isdecimal() or int(step) == 0:  # it saves before its first step, too
            continue
        try:
            check_shards(read_index(index.with_suffix("")))
        except CheckpointError:  # being written
            continue
        found.append(int(step))
    return sorted(found)


def take(folder: Path, step: int, run: Path) -> None:
    """Make a checkpoint of the program one of a run."""
    _give(folder, f"{_THEIRS}-{step}", run, f"{_OURS}-{step}", files.link_or_copy)


def clear(folder: Path) -> None:
    """Take the program's checkpoints out of a folder, which is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").unlink(missing_ok=True)
    for path in folder.glob(f"{_THEIRS}-*"):
        path.unlink()


def place(
    run: Path,
    number: int,
    folder: Path,
    give: Callable[[Path, Path], object] = files.link_or_copy,
) -> None:
    """Have a checkpoint `ckpt-number` of another folder as the program's newest."""
    name = f"{_THEIRS}-{number}"
    _give(run, f"{_OURS}-{number}", folder, name, give)
    files.write_atomic(folder / "checkpoint", f'model_checkpoint_path: "{name}"\n')


def _give(
    source: Path, name: str, target: Path, as_: str, give: Callable[[Path, Path], object]
) -> None:
    """The index comes last, since a checkpoint counts as whole when its index is there."""
    for path in (*sorted(source.glob(f"{name}.data-*")), source / f"{name}.index"):
        give(path, target / f"{as_}{path.name.removeprefix(name)}")
