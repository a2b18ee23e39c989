"""Which record an example number shows."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.engine.order import CYCLE, Order, divide_places

WEIGHTS = (5.0, 2.0, 1.0)
SIZES = (7, 50, 3)


def order(seed: int = 3, *, shuffle: bool = True) -> Order:
    return Order(SIZES, WEIGHTS, seed=seed, shuffle=shuffle)


def test_shares_are_the_weights() -> None:
    """After each 65536 examples to the last one, and about so long before."""
    one = order()
    datasets = [
        int(np.searchsorted(np.cumsum(SIZES), one.record(example), side="right"))
        for example in range(CYCLE + 1600)
    ]

    # 5/8, 2/8 and 1/8 of 65536.
    assert Counter(datasets[:CYCLE]) == {0: 40960, 1: 16384, 2: 8192}
    first = Counter(datasets[CYCLE:])
    assert [abs(first[one] - expected) < 100 for one, expected in ((0, 1000), (1, 400), (2, 200))]
    assert datasets[CYCLE:] != datasets[:1600]


def test_every_record_of_a_data_set_comes_once_in_its_epoch() -> None:
    """Over the end of a cycle, too."""
    one = order()
    seen = [one.record(example) for example in range(CYCLE - 500, CYCLE + 500)]
    for first, size in zip((0, 7, 57), SIZES, strict=True):
        own = [record - first for record in seen if first <= record < first + size]
        # Where an epoch begins in this piece is open: it does at one of the first places.
        assert any(
            all(
                sorted(own[start : start + size]) == list(range(size))
                for start in range(begin, len(own) - size, size)
            )
            for begin in range(size)
        )


def test_an_example_needs_nothing_that_came_before() -> None:
    """Asked for alone, or backwards, it is the same record; with another seed another."""
    whole = [order().record(example) for example in range(CYCLE - 20, CYCLE + 20)]

    assert [order().record(CYCLE + 7), order().record(CYCLE - 7)] == [whole[27], whole[13]]
    one = order()
    assert [one.record(e) for e in range(CYCLE + 19, CYCLE - 21, -1)] == whole[::-1]
    assert [order(4).record(example) for example in range(CYCLE - 20, CYCLE + 20)] != whole


def test_without_shuffling_only_the_turns_are_drawn() -> None:
    """Each data set comes as it lies."""
    one = order(shuffle=False)
    seen = [one.record(example) for example in range(200)]
    first = [record for record in seen if record < 7]

    assert first == [place % 7 for place in range(len(first))]
    assert [record for record in seen if record >= 57][:4] == [57, 58, 59, 57]


def test_what_follows_an_example_is_of_its_data_set_and_leaves_none_out() -> None:
    """So that there is a record instead of one that cannot be used."""
    one = order()
    for example in range(30):
        following = list(one.records_from(example))
        dataset = next(
            set(range(first, first + size))
            for first, size in zip((0, 7, 57), SIZES, strict=True)
            if following[0] in range(first, first + size)
        )
        assert following[0] == one.record(example)
        assert set(following) == dataset


@given(
    weights=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20),
    places=st.integers(1000, CYCLE),
)
@settings(deadline=None, derandomize=True)
def test_places_are_divided_by_weight(weights: list[float], places: int) -> None:
    """All of them, at least one to each, and no share off by more than one and what those cost."""
    counts = divide_places(weights, places)
    exact = np.array(weights) / sum(weights) * places

    assert counts.sum() == places
    assert counts.min() >= 1
    assert np.abs(counts - exact).max() <= 1 + len(weights)
