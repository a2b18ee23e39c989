"""Which element of one list is which of another."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odapi_runner.proto.alignment import held_member, pair_elements, pair_in_order
from odapi_runner.proto.text import parse_pipeline
from support.random_configs import change, random_message, text_copy


def augmentations(*texts: str) -> Any:
    """A list of augmentations, by their names or as they are written."""
    steps = (text if "{" in text else f"{text} {{ }}" for text in texts)
    text = " ".join(f"data_augmentation_options {{ {step} }}" for step in steps)
    return parse_pipeline(f"train_config {{ {text} }}", "x").train_config.data_augmentation_options


def readers(*names: str) -> Any:
    """A list of input readers; an empty name is none."""
    text = " ".join(f"eval_input_reader {{ {f'name: {n!r}' if n else ''} }}" for n in names)
    return parse_pipeline(text, "x").eval_input_reader


FLIP, CROP, PAD, HUE = (
    "random_horizontal_flip",
    "random_crop_image",
    "random_pad_image",
    "random_adjust_hue",
)
SMALL, LARGE = (f"random_crop_image {{ min_area: {area} }}" for area in (0.25, 0.5))


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ([], [], []),
        ([FLIP, CROP], [FLIP, CROP], [(0, 0), (1, 1)]),
        # What holds the same member is the same, whatever its values and its place.
        ([SMALL, FLIP], [FLIP, LARGE], [(1, 0), (0, 1)]),
        # Another member is something else.
        ([FLIP, CROP], [FLIP, PAD], [(0, 0), (1, None), (None, 1)]),
        # Of two with the same member the equal ones first.
        ([SMALL, LARGE], [LARGE], [(0, None), (1, 0)]),
        ([SMALL, FLIP], [LARGE, SMALL, FLIP], [(None, 0), (0, 1), (1, 2)]),
        # What is gone follows what it followed.
        ([FLIP, HUE, CROP], [PAD, CROP, FLIP], [(None, 0), (2, 1), (0, 2), (1, None)]),
    ],
)
def test_augmentations_match_by_the_member_that_they_hold(
    before: list[str], after: list[str], pairs: list[tuple[int | None, int | None]]
) -> None:
    """Wherever they stand."""
    assert pair_elements(augmentations(*before), augmentations(*after)) == pairs


def test_a_text_keeps_as_many_as_can_keep_their_order() -> None:
    """Of four that changed places the longest row in order stays, the rest goes and comes anew."""
    before = augmentations(FLIP, CROP, PAD, HUE)
    after = augmentations(CROP, HUE, FLIP, PAD)

    assert pair_elements(before, after) == [(1, 0), (3, 1), (0, 2), (2, 3)]
    assert pair_in_order(before, after) == [
        (None, 0),
        (None, 1),
        (0, 2),
        (1, None),
        (2, 3),
        (3, None),
    ]


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        (["a", "b"], ["b", "a"], [(1, 0), (0, 1)]),
        # One renamed, one the same: what is left is the same thing under another name.
        (["a", "b"], ["b", "c"], [(1, 0), (0, 1)]),
        # Without names, by their places.
        (["", ""], [""], [(0, 0), (1, None)]),
        (["", "a"], ["", "b"], [(0, 0), (1, 1)]),
    ],
)
def test_readers_match_by_their_names(
    before: list[str], after: list[str], pairs: list[tuple[int | None, int | None]]
) -> None:
    """Or in their order, where not all have one."""
    assert pair_elements(readers(*before), readers(*after)) == pairs


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "ac", [(0, 0), (1, None), (2, 1)]),
        ("ac", "abc", [(0, 0), (None, 1), (1, 2)]),
        # Between two that stay, one takes the other's place.
        ("abc", "axc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "axyc", [(0, 0), (1, 1), (None, 2), (2, 3)]),
        ("ab", "ba", [(None, 0), (0, 1), (1, None)]),
    ],
)
def test_plain_values_match_in_order(
    before: str, after: str, pairs: list[tuple[int | None, int | None]]
) -> None:
    """Equal ones first, and between them what stands at the same place."""
    assert sorted(pair_elements(list(before), list(after)), key=str) == sorted(pairs, key=str)


def test_only_a_choice_is_held() -> None:
    """An input reader has a oneof and more; an empty step, a number and a list hold nothing."""
    step, *_ = augmentations(FLIP)

    assert held_member(step) == FLIP
    assert held_member(type(step)()) is None
    assert held_member(readers("a")[0]) is None
    assert held_member(3) is None


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.randoms(use_true_random=False))
def test_every_element_is_in_one_pair(random: Random) -> None:
    """And the places of both sides ascend where a text is to be edited."""
    before = [random_message(random, "PreprocessingStep", 2) for _ in range(random.randint(0, 6))]
    after = [text_copy(element) for element in before if random.random() < 0.8]
    random.shuffle(after)
    for element in after:
        change(random, element, 2)

    for pairs in (pair_elements(before, after), pair_in_order(before, after)):
        assert sorted(b for b, _ in pairs if b is not None) == list(range(len(before)))
        assert [a for _, a in pairs if a is not None] == list(range(len(after)))
    assert [b for b, _ in pairs if b is not None] == list(range(len(before)))
