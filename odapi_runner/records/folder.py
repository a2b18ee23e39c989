"""The files of a dataset folder, and replacing one without losing anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odapi_runner.errors import DataError
from odapi_runner.formats.dataset import ANNOTATIONS, LABEL_MAP, SUMMARY
from odapi_runner.formats.label_map import LabelMap, read_label_map


def refuse_to_overwrite(out: Path, label_map: LabelMap, *, overwrite: bool) -> None:
    """Stop before anything is lost: a folder that odapi wrote is replaced when that is asked for.

    A folder with nothing but the label map that is to be written is as good as none.

    Raises:
        DataError: `out` is a file, holds a dataset and `overwrite` is not set, or holds what
            odapi did not write.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out}: a file is in the way", fix="Give another folder with --out.")
    names = sorted(path.name for path in out.iterdir())
    foreign = [name for name in names if not _is_ours(name)]
    if foreign:
        what = f"{out}: holds what odapi did not write: {foreign[0]}"
        raise DataError(what, fix="Give another folder with --out.")
    same_label_map = names == [LABEL_MAP] and read_label_map(out / LABEL_MAP) == label_map
    if names and not same_label_map and not overwrite:
        held = "a dataset" if SUMMARY in names else f"another {names[0]}"
        raise DataError(
            f"{out}: holds {held}",
            fix="Replace it with --overwrite, or give another folder with --out.",
        )


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path`; swap it in by renaming when the block succeeds.

    A link to a folder stays a link: what it leads to is replaced.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _is_ours(name: str) -> bool:
    return name in {LABEL_MAP, SUMMARY, ANNOTATIONS} or name.endswith(".record")
