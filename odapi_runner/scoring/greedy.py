"""Choosing in turn: each chooser takes the best that is still free, at several levels at once."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray


def choose_in_turn(
    turn: NDArray[np.int64],
    chooser: NDArray[np.int64],
    choice: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    *,
    choosers: int,
    shared: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """What each chooser takes.

    Args:
        turn: int64 [p], when it is the chooser's turn, ascending. Those whose turn it is at the
            same time have no choice in common.
        chooser: int64 [p], ascending among those of a turn; each has one turn.
        choice: int64 [p], what the chooser may take: the more it is preferred, the later it comes.
        allowed: bool [T, p], whether it may at each level.
        choosers: how many there are.
        shared: bool [choices], what any number may take.

    Returns:
        int32 [T, choosers], the choice that each has taken, -1: none.
    """
    taken = np.full((len(allowed), choosers), -1, np.int32)
    gone = np.zeros((len(allowed), len(shared)), np.bool_)
    ends = np.searchsorted(turn, np.arange(turn.max(initial=-1) + 2))
    for begin, end in itertools.pairwise(ends.tolist()):
        if begin == end:
            continue
        here = slice(begin, end)
        free = allowed[:, here] & ~gone[:, choice[here]]
        starts = np.flatnonzero(np.diff(chooser[here], prepend=-1))
        best = np.maximum.reduceat(np.where(free, np.arange(end - begin), -1), starts, axis=1)
        level, which = np.nonzero(best >= 0)
        chosen = choice[here][best[level, which]]
        taken[level, chooser[here][starts[which]]] = chosen
        alone = ~shared[chosen]
        gone[level[alone], chosen[alone]] = True
    return taken
