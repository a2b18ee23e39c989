"""Short names for the rows and columns of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"\w+")


def shorten(full: Sequence[str], separator: str, taken: Sequence[str] = ()) -> list[str]:
    """The shortest end of each name that is the end of no other, and is not `taken`.

    Ends are whole parts, `b.c` of `a.b.c`; what stands in brackets at the end is one, too, where it
    is a word: `random_crop_image` of `data_augmentation_options[random_crop_image]`.
    """
    ends = [list(_ends(name, separator)) for name in full]
    times = Counter([*(end for those in ends for end in those), *taken])
    return [
        next((end for end in those if times[end] == 1), name)
        for those, name in zip(ends, full, strict=True)
    ]


def _ends(name: str, separator: str) -> list[str]:
    """From the last part to the whole name; a dot in brackets separates nothing."""
    depth, starts = 0, []
    for place, sign in enumerate(name):
        depth += (sign == "[") - (sign == "]")
        if depth == 0 and name.startswith(separator, place):
            starts.append(place + len(separator))
    ends = [name[start:] for start in reversed(starts)] + [name]
    last, bracket, chosen = ends[0].rpartition("[")
    inside = chosen.removesuffix("]")
    if last and bracket and _WORD.fullmatch(inside) and not inside.isdecimal():
        return [inside, *ends]
    return ends
