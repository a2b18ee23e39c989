"""`model.ckpt-STEP` of google/automl's main.py, and `ckpt-STEP` of a run: the same files.

Source: tensorflow/python/training/basic_session_run_hooks.py, `CheckpointSaverHook` (the names).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from odapi_runner import files
from odapi_runner.errors import CheckpointError
from odapi_runner.formats.checkpoint_index import check_shards, index_file, read_index

_THEIRS: Final = "model.ckpt"
_OURS: Final = "ckpt"


def saved_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints that the program has in a folder, but the very first.

    It saves before its first step, too.
    """
    steps = (index.stem.rpartition("-")[2] for index in folder.glob(f"{_THEIRS}-*.index"))
    return sorted(int(step) for step in steps if step.isdecimal() and int(step) > 0)


def take(folder: Path, step: int, run: Path) -> bool:
    """Make a checkpoint of the program one of a run, if it is whole; whether it was.

    The program saves again what it goes on from: data files appear by a rename, but indices are
    written in place. So of these there is a copy, which did not change while it was made.
    """
    prefix = folder / f"{_THEIRS}-{step}"
    index = index_file(prefix)
    try:
        content = index.read_bytes()
        check_shards(read_index(prefix))
        for path in sorted(folder.glob(f"{prefix.name}.data-*")):
            target = run / f"{_OURS}-{step}{path.name.removeprefix(prefix.name)}"
            files.link_or_copy(path, target)
        if index.read_bytes() != content:
            return False
    except (CheckpointError, FileNotFoundError):  # being written, or rotated away
        return False
    files.write_atomic(index_file(run / f"{_OURS}-{step}"), content)
    return True


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
