"""Conditions on rows: `batch_size>=8`, `run!=a`, `mAP_small=` (empty)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_SYNTAX = re.compile(r"\s*(?P<name>[^<>=!]+?)\s*(?P<sign><=|>=|!=|==|=|<|>)\s*(?P<value>.*?)\s*")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_QUOTES = ("'", '"')


class Message(str):
    """The cell of a message of a config in which something is written: it has no value itself."""

    __slots__ = ()


SET = Message("set")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a column or a setting has to be."""

    name: str
    sign: str
    value: str  # as typed, without quotes

    def holds(self, cell: Any) -> bool:
        """Whether a value is so; of an empty one, None, only that it is (not) equal can be said."""
        if self.sign in _ORDERS:
            return cell is not None and _ordered(_ORDERS[self.sign], cell, self.value)
        return _equal(cell, self.value) is (self.sign != "!=")

    def explain(self, cells: Sequence[Any]) -> str:
        """Why it can hold for none of these, whatever they are; empty where it could."""
        told = [cell for cell in cells if cell is not None]
        if told and self.value not in ("", SET) and all(isinstance(cell, Message) for cell in told):
            return f"{self.name} is a message in each of these rows: ask for {self.name}=set"
        if self.sign not in _ORDERS or not told:
            return ""
        is_number = _number(self.value) is not None
        if any((_number(cell) is not None) is is_number for cell in told):
            return ""
        if is_number:
            return f"{self.name} is a text in each of these rows: it is not {self.sign} a number"
        return (
            f'{self.name} is a number in each of these rows: it is not {self.sign} "{self.value}"'
        )


def parse_condition(text: str) -> Condition:
    """`NAME=VALUE`, with any of = == != < <= > >= between.

    Raises:
        ValueError: it has not that form.
    """
    found = _SYNTAX.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not NAME=VALUE, as in batch_size>=8')
    value = found["value"]
    if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
        value = value[1:-1]
    return Condition(found["name"], found["sign"], value)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _ordered(order: Callable[[Any, Any], bool], cell: Any, value: str) -> bool:
    """Numbers by their size, texts by their letters; of one of each nothing holds."""
    one, other = _number(cell), _number(value)
    if one is not None and other is not None:
        return order(one, other)
    return one is None and other is None and order(str(cell), value)


def _equal(cell: Any, value: str) -> bool:
    if cell is None:
        return value == ""
    if isinstance(cell, bool):
        return value.lower() == str(cell).lower()
    one, other = _number(cell), _number(value)
    if not isinstance(cell, str) and one is not None and other is not None:
        return one == other
    return str(cell) == value
