"""Which element of one list is which of another: by what they hold, rather than by their places."""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from google.protobuf.message import Message

Pair = tuple[int | None, int | None]
_TwoLists = tuple[Sequence[Hashable], Sequence[Hashable]]

# Of two elements with one of these fields, an equal value says that they are the same thing.
_NAMES = ("name", "task_name")


def pair_elements(before: Sequence[Any], after: Sequence[Any]) -> list[Pair]:
    """Match the elements of two lists of one kind, messages or plain values.

    Messages that consist of one member of a `oneof` (augmentations) match those that hold the same
    member, equal ones first, wherever either may stand. Named ones match by their name, and what
    is left of them in its order. Of all others the equal ones match in their order, and between
    them what stands at the same place.

    Returns:
        Places (before, after), None where there is no counterpart, in the order of `after`; an
        element that is gone follows the one that it followed.
    """
    keys = [_key(element) for element in before], [_key(element) for element in after]
    head = _equal_at_head(*keys)
    tail = _equal_at_head(*(side[head:][::-1] for side in keys))
    part = slice(head, len(before) - tail), slice(head, len(after) - tail)
    matched = _match(before[part[0]], after[part[1]], (keys[0][part[0]], keys[1][part[1]]))
    return _merged(
        {
            **{place: place for place in range(head)},
            **{place + head: other + head for place, other in matched.items()},
            **{len(before) - place: len(after) - place for place in range(1, tail + 1)},
        },
        len(before),
        len(after),
    )


def pair_in_order(before: Sequence[Any], after: Sequence[Any]) -> list[Pair]:
    """As `pair_elements`, for a text: what changed its order is gone at one place, new at another.

    As many elements as can keep their order do.
    """
    matched = [(a, b) for b, a in pair_elements(before, after) if b is not None and a is not None]
    kept = _longest_ascending([b for _, b in matched])
    return _merged({b: a for a, b in matched if b in kept}, len(before), len(after))


def held_member(element: Any) -> str | None:
    """The member of its `oneof` that an element consists of: an augmentation, a metric.

    None for an element of another kind, and for one that is empty.
    """
    if not isinstance(element, Message):
        return None
    kind = element.DESCRIPTOR
    if len(kind.oneofs) != 1 or len(kind.oneofs[0].fields) != len(kind.fields):
        return None
    chosen = element.WhichOneof(kind.oneofs[0].name)
    return str(chosen) if chosen else None


def element_label(element: Any) -> str | None:
    """What a path may call an element by: `random_crop_image`, `name=val`; None for its number."""
    return held_member(element) or _name(element)


def same(one: Any, other: Any) -> bool:
    """Whether two messages of one kind, or two plain values, are the same; NaN is itself."""
    return _key(one) == _key(other)


def all_same(elements: Sequence[Any]) -> bool:
    """Whether messages of one kind, or plain values, are all the same."""
    first = _key(elements[0])
    return all(_key(element) == first for element in elements[1:])


def _equal_at_head(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _match(before: Sequence[Any], after: Sequence[Any], keys: _TwoLists) -> dict[int, int]:
    """The places of elements that belong together."""
    members = [held_member(element) for element in before], [held_member(el) for el in after]
    if None not in (*members[0], *members[1]):
        return _matched_by_label(keys, members)
    names = [_name(element) for element in before], [_name(element) for element in after]
    if None in (*names[0], *names[1]):
        return _matched_in_order(keys)
    matched = _matched_by_label(keys, names)
    left = [place for place in range(len(before)) if place not in matched]
    new = [place for place in range(len(after)) if place not in matched.values()]
    return matched | dict(zip(left, new, strict=False))


def _name(element: Any) -> str | None:
    if isinstance(element, Message):
        for name in _NAMES:
            if name in element.DESCRIPTOR.fields_by_name and getattr(element, name):
                return f"{name}={getattr(element, name)}"
    return None


def _key(element: Any) -> str | bytes:
    if isinstance(element, Message):
        return element.SerializeToString(deterministic=True)
    return repr(element)


def _matched_by_label(keys: _TwoLists, labels: _TwoLists) -> dict[int, int]:
    """Equal elements of each label, then the rest of each label in its order."""
    matched: dict[int, int] = {}
    for label in dict.fromkeys(labels[0]):
        ours, theirs = ([n for n, other in enumerate(side) if other == label] for side in labels)
        for place in tuple(ours):
            equal = next((other for other in theirs if keys[0][place] == keys[1][other]), None)
            if equal is not None:
                matched[place] = equal
                ours.remove(place)
                theirs.remove(equal)
        matched |= zip(ours, theirs, strict=False)
    return matched


def _matched_in_order(keys: _TwoLists) -> dict[int, int]:
    matched: dict[int, int] = {}
    matcher = SequenceMatcher(None, *keys, autojunk=False)
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        matched |= zip(range(start, end), range(other_start, other_end), strict=False)
    return matched


def _merged(matched: Mapping[int, int], before: int, after: int) -> list[Pair]:
    """All places of both sides in one order."""
    counterpart = {other: place for place, other in matched.items()}
    merged: list[Pair] = []

    def add_gone(place: int) -> None:
        while place < before and place not in matched:
            merged.append((place, None))
            place += 1

    add_gone(0)
    for other in range(after):
        place = counterpart.get(other)
        merged.append((place, other))
        if place is not None:
            add_gone(place + 1)
    return merged


def _longest_ascending(numbers: Sequence[int]) -> set[int]:
    """The longest subsequence in ascending order, by patience sorting."""
    ends: list[int] = []  # of the best subsequence of each length
    previous: dict[int, int | None] = {}
    for number in numbers:
        length = bisect.bisect_left(ends, number)
        previous[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = previous[last]
    return found
