"""Differences between configs as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imports what `odapi --help` has no time for
    from odapi_runner.proto.differences import Difference, Value

_MOST = 4  # elements of a list that are shown before what is the same in both is left out


def shown_values(difference: Difference) -> list[str | None]:
    """What stands in each config, as it would be written there; None where there is nothing."""
    values = _without_alike(difference.values)
    return [
        None if value is None else f"{_written(value)}{' (default)' if default else ''}"
        for value, default in zip(values, difference.defaults, strict=True)
    ]


def shown_change(difference: Difference) -> str:
    """One line: the field, its old value, its new one."""
    before, after = (text or "not set" for text in shown_values(difference))
    return f"{difference.path}: {before} -> {after}"


def _written(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_written, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_alike(values: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    """Of long lists what their heads and tails do not share, with `…` for that."""
    lists = [value for value in values if isinstance(value, tuple)]
    if len(lists) < len(values) or max(map(len, lists)) <= _MOST:
        return values
    shortest = min(map(len, lists))
    head = next((n for n in range(shortest) if len({each[n] for each in lists}) > 1), shortest)
    tails = [each[head:][::-1] for each in lists]
    rest = shortest - head
    tail = next((n for n in range(rest) if len({each[n] for each in tails}) > 1), rest)
    return tuple(
        (*(["…"] if head else []), *each[head : len(each) - tail], *(["…"] if tail else []))
        for each in lists
    )
