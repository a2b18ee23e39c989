"""Which images are for validation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path, PurePath

from odapi_runner.errors import DataError, did_you_mean


def split_by_fraction(ids: Sequence[str], fraction: float, seed: int) -> frozenset[str]:
    """Choose floor(fraction * n) ids by the order of a hash of seed and id.

    The choice depends on the ids and the seed alone: not on the machine, not on the version of a
    library, and hardly on images that are added later.

    Raises:
        DataError: nothing would be left for training, or nothing for validation although some
            was asked for.
    """
    if not 0 <= fraction < 1:
        raise DataError(
            f"a validation fraction of {fraction:g} leaves nothing to train on",
            fix="Give a fraction below 1, such as 0.2.",
        )
    # Through the decimal digits: 0.29 * 100 is 28.999999999999996 in binary.
    count = int(Fraction(str(fraction)) * len(ids))
    if fraction and not count:
        raise DataError(
            f"{fraction:g} of {len(ids)} images is less than one image for validation",
            fix="Give a larger --val-fraction, or 0 for no validation records.",
        )
    return frozenset(sorted(ids, key=lambda id_: _digest(seed, id_))[:count])


def split_by_step(ids: Sequence[str], every: int) -> frozenset[str]:
    """Choose every Nth id of the given order, beginning with the first.

    Raises:
        DataError: nothing would be left for training.
    """
    if every < 2:
        raise DataError(
            f"every {every}. image for validation leaves nothing to train on",
            fix="Give 2 or more, such as 5.",
        )
    return frozenset(ids[::every])


def split_by_list(ids: Sequence[str], path: Path) -> frozenset[str]:
    """Choose the ids that a text file lists: a stem, a file name or a path on each line.

    Raises:
        DataError: the file cannot be read, is empty, lists everything, or an id that is not
            there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise DataError(f"{path}: {reason}", fix="Give a text file of one id a line.") from error
    known = set(ids)
    chosen = set()
    for number, line in enumerate(lines, 1):
        name = PurePath(line.strip()).name
        if not name:
            continue
        # A stem may contain a dot: what stands there counts first.
        id_ = name if name in known else PurePath(name).stem
        if id_ not in known:
            fix = did_you_mean(id_, known) or "Remove the line, or add the image."
            raise DataError(f"{path}:{number}: there is no image {name}", fix=fix)
        chosen.add(id_)
    if not chosen or chosen == known:
        what = "no image" if not chosen else "every image"
        raise DataError(f"{path}: lists {what}", fix="List some of the images, one a line.")
    return frozenset(chosen)


def _digest(seed: int, id_: str) -> bytes:
    return hashlib.sha256(f"{seed}/{id_}".encode()).digest()
