"""The patterns by which a config names its record files."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from odapi_runner import files
from odapi_runner.errors import DataError, did_you_mean


def expand_patterns(patterns: Sequence[str], root: Path) -> list[Path]:
    """The files that the patterns of a config name, in the order of the patterns, sorted in each.

    `*`, `?` and `[...]` stay within one folder and match hidden files, as `tf.io.gfile.glob` has
    them. A relative pattern starts at `root`. A file named twice is listed twice.

    Raises:
        DataError: a pattern that matches nothing.
    """
    return [path for pattern in patterns for path in _expand(pattern, root)]


def _expand(pattern: str, root: Path) -> list[Path]:
    # Path.glob takes no absolute patterns.
    found = sorted(glob.glob(pattern, root_dir=root, include_hidden=True))  # noqa: PTH207
    if not found:
        folder = (root / pattern).parent
        there = [path.name for path in folder.iterdir()] if files.is_folder(folder) else []
        advice = did_you_mean(Path(pattern).name, there) or f"Looked for it in {root}."
        raise DataError(f"{pattern}: no file of that name", fix=advice)
    return [root / name for name in found]
