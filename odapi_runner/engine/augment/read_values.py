"""Values of augmentation options within the limits that they have, else refused by path."""

from __future__ import annotations

from odapi_runner.engine.augment.spec import Range
from odapi_runner.engine.fields import Reader


def read_share(options: Reader, name: str) -> float:
    """A number of 0..1, such as a probability."""
    value = float(options.value(name))
    if not 0 <= value <= 1:
        options.refuse(name, f"{value:g} is not between 0 and 1", ("a number from 0 to 1",))
    return value


def read_above(options: Reader, name: str, least: float, *, or_at: bool = False) -> float:
    """A number above the least one, or at it."""
    value = float(options.value(name))
    if value < least or (value == least and not or_at):
        wanted = f"at least {least:g}" if or_at else f"above {least:g}"
        options.refuse(name, f"{value:g} is not {wanted}", (f"a number {wanted}",))
    return value


def read_range(options: Reader, low_name: str, high_name: str) -> Range:
    """The smallest and the largest value of a random one."""
    low, high = float(options.value(low_name)), float(options.value(high_name))
    if low > high:
        options.refuse(high_name, f"{high:g} is below {low_name} ({low:g})", (low,))
    return low, high
