"""The largest batch that fits, by trying."""

from __future__ import annotations

import pytest

from odapi_runner.runs.batch_size import grow, parse_batch


@pytest.mark.parametrize(
    ("start", "fits", "tried", "found"),
    [
        # A GPU of 8 GB that 10 images fill: 4, 8 and 10 fit, and nothing between was better.
        (4, 10, [4, 8, 16, 12, 10, 11], 10),
        (8, 3, [8, 4, 2, 3], 3),
        (8, 1, [8, 4, 2, 1], 1),
        (4, 0, [4, 2, 1], 0),
        (1, 1, [1, 2], 1),
        # 60 is less than an eighth below 64, which does not fit.
        (64, 60, [64, 32, 48, 56, 60], 60),
    ],
)
def test_it_doubles_and_backs_off(start: int, fits: int, tried: list[int], found: int) -> None:
    """From the start on; then what lies between is halved."""
    seen: list[int] = []

    def attempt(number: int) -> bool:
        seen.append(number)
        return number <= fits

    assert grow(start, attempt) == found
    assert seen == tried


def test_devices_share_a_batch_evenly() -> None:
    """Four of them: every try is a multiple of 4, and none is larger than what is allowed."""
    seen: list[int] = []

    def attempt(number: int) -> bool:
        seen.append(number)
        return True

    assert grow(6, attempt, multiple=4, most=30) == 28
    assert seen == [4, 8, 16, 28]


def test_the_option_is_a_number_or_auto() -> None:
    """With a memory of its own behind a colon."""
    assert parse_batch("12") == (12, None)
    assert parse_batch("auto") == (None, None)
    assert parse_batch("auto:6GB") == (None, 6 << 30)


@pytest.mark.parametrize("text", ["", "0", "-1", "viel", "auto:", "auto:viel", "8:6GB"])
def test_what_is_neither_is_refused(text: str) -> None:
    """By its own words."""
    with pytest.raises(ValueError, match=r"neither a number|no size of a memory"):
        parse_batch(text)
