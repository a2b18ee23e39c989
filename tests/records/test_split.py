"""Which images are for validation."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odapi_runner.errors import DataError
from odapi_runner.records.split import split_by_fraction, split_by_list, split_by_step


@pytest.mark.parametrize(
    ("images", "fraction", "count"),
    # KITTI's own number; 0.29 * 100 is 28.999999999999996 in binary; none asked for.
    [(7481, 0.2, 1496), (100, 0.29, 29), (10, 0.1, 1), (10, 0.0, 0)],
)
def test_the_share_is_rounded_down_exactly(images: int, fraction: float, count: int) -> None:
    """Through decimal digits, not binary ones."""
    ids = [f"{number:06d}" for number in range(images)]

    assert len(split_by_fraction(ids, fraction, 0)) == count


def test_the_choice_is_the_same_on_every_machine() -> None:
    """Literal: a changed hash or order would silently mix training and validation images."""
    ids = [f"{number:06d}" for number in range(20)]

    assert split_by_fraction(ids, 0.2, 0) == {"000006", "000007", "000008", "000017"}
    assert split_by_fraction(ids[::-1], 0.2, 0) == {"000006", "000007", "000008", "000017"}


@given(ids=st.lists(st.text(min_size=1), min_size=10, max_size=40, unique=True), seed=st.integers())
def test_more_images_never_bring_old_ones_from_training_to_validation_and_back(
    ids: list[str], seed: int
) -> None:
    """A smaller share is a part of a larger one: the order of the ids is fixed by the seed."""
    assert split_by_fraction(ids, 0.1, seed) <= split_by_fraction(ids, 0.5, seed)


def test_every_nth() -> None:
    """The first one is included."""
    assert split_by_step(["a", "b", "c", "d", "e"], 2) == {"a", "c", "e"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\nx\n", ":2: there is no image x"),
        ("\n", ": lists no image"),
        ("a\nb.png\nimages/c.jpg\n", ": lists every image"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    """An unknown id is named by its line."""
    path = tmp_path / "val.txt"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(DataError) as caught:
        split_by_list(["a", "b", "c"], path)
    assert caught.value.what == f"{path}{what}"


def test_absent_list(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(DataError, match="No such file"):
        split_by_list(["a"], tmp_path / "absent.txt")
