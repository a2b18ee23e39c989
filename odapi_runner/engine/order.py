"""Which record a training's example number shows, without any iterator to save.

It is a function of (seed, example number) alone: a resumed run needs its step and nothing else.

Records are numbered through over all data sets. Example number e of one data set is record
`permutation(epoch)[e mod n]` of its epoch e // n. Several data sets take turns in cycles of `CYCLE`
examples: each has its share of every cycle's places, which are dealt out anew for each. So the
number of an example within its data set needs no count of what came before, only the cycle's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Examples after which shares are as whole as they get: a weight is honoured to 1 / 65536 of all.
CYCLE = 1 << 16


class Order:
    """The records of a training, one after another without an end."""

    def __init__(
        self, sizes: Sequence[int], weights: Sequence[float], *, seed: int, shuffle: bool
    ) -> None:
        """Begin with nothing drawn.

        Args:
            sizes: records of each data set, at least one each.
            weights: of each data set, above 0, relative to each other.
            seed: of the permutations and of the draws among data sets.
            shuffle: whether the records of a data set come in another order each epoch, or as
                they lie; among several data sets is drawn all the same.
        """
        self._sizes = tuple(sizes)
        self._firsts = np.cumsum([0, *sizes])
        self._places = divide_places(weights, CYCLE)
        self._seed, self._shuffle = seed, shuffle
        self._permutation = lru_cache(maxsize=4 * len(sizes))(self._make_permutation)
        self._cycle = lru_cache(maxsize=4)(self._make_cycle)

    def record(self, example: int) -> int:
        """The record of an example number."""
        return next(self.records_from(example))

    def records_from(self, example: int) -> Iterator[int]:
        """The record of an example number, and those that follow it in its data set.

        Every record of the data set is among them.
        """
        dataset, number = self._place(example)
        size = self._sizes[dataset]
        for following in range(number, number + 2 * size):
            epoch, place = divmod(following, size)
            if self._shuffle:
                place = int(self._permutation(dataset, epoch)[place])
            yield int(self._firsts[dataset]) + place

    def _place(self, example: int) -> tuple[int, int]:
        """The data set of an example, and its number among the examples of that."""
        if len(self._sizes) == 1:
            return 0, example
        cycle, place = divmod(example, CYCLE)
        datasets, numbers = self._cycle(cycle)
        dataset = int(datasets[place])
        return dataset, cycle * int(self._places[dataset]) + int(numbers[place])

    def _make_cycle(self, cycle: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The data set of each place of a cycle, and the place's number among those of its own."""
        in_order = np.repeat(np.arange(len(self._places), dtype=np.int32), self._places)
        numbers = np.concatenate([np.arange(count, dtype=np.int32) for count in self._places])
        datasets = np.random.default_rng((self._seed, cycle, len(self._sizes))).permutation(
            in_order
        )
        dealt = np.empty_like(numbers)
        dealt[np.argsort(datasets, kind="stable")] = numbers
        return datasets, dealt

    def _make_permutation(self, dataset: int, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng((self._seed, epoch, dataset))
        return rng.permutation(self._sizes[dataset])


def divide_places(weights: Sequence[float], places: int) -> NDArray[np.int64]:
    """How many of some places each weight gets: they add up, and each gets one at least.

    Args:
        weights: above 0, relative to each other.
        places: at least as many as weights.
    """
    ends = np.cumsum([0.0, *weights])
    counts = np.maximum(1, np.diff(np.rint(ends / ends[-1] * places).astype(np.int64)))
    counts[np.argmax(counts)] -= counts.sum() - places
    return counts
