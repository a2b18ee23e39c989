"""What a template may do: jinja2's sandbox, with less in it.

A template may compute with values, call macros, and use other templates of the two folders
`templates/`, the workspace's and odapi's. It reaches no attribute that begins with an underscore,
changes no value, reads no other file, and gives the same text each time. A range has at most
100,000 numbers, what `*` makes of a text or a list 1,000,000 elements, a power 4,096 bits, the
result 4,000,000 characters. Neither time nor memory is bounded beyond that: loops within loops, or
a filter that pads to a billion characters, take what they take.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.loaders import split_template_path
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from odapi_runner.files import is_file
from odapi_runner.proto.text import read_text

LONGEST_TEXT = 4_000_000  # characters of a result
_LONGEST_PRODUCT = 1_000_000  # elements
_LARGEST_POWER = 4_096  # bits


class UnknownNameError(UndefinedError):
    """A template uses a name that stands for nothing."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@functools.lru_cache(maxsize=8)
def build_environment(folders: tuple[str, ...]) -> Environment:
    """The environment of templates in some folders, the first of which counts first.

    Each template is compiled once, and again when its file changes or another one of its name
    comes first. The filter `literal` writes a value as a config has it.

    Raises:
        ConfigError: from what uses it: a template is no text.
    """
    environment = _Sandbox(
        loader=FunctionLoader(functools.partial(_load, folders)),
        undefined=_Undefined,
        autoescape=False,  # the text of a config is no HTML
    )
    environment.filters["literal"] = _literal
    # What would give another text each time.
    del environment.filters["random"], environment.globals["lipsum"]
    return environment


class _Undefined(StrictUndefined):
    """An undefined variable whose error knows its name."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        if obj is missing and hint is None and name is not None:
            exc = functools.partial(UnknownNameError, name)
        super().__init__(hint, obj, name, exc)


class _Sandbox(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, in which a product cannot fill the memory either."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            bits = left.bit_length() * right if isinstance(left, int) else 0
            if bits > _LARGEST_POWER:
                raise SecurityError(f"a power of more than {_LARGEST_POWER:,} bits")
        for whole, times in ((left, right), (right, left)):
            is_sequence = isinstance(whole, str | bytes | list | tuple) and isinstance(times, int)
            if operator == "*" and is_sequence and len(whole) * times > _LONGEST_PRODUCT:
                raise SecurityError(f"a product of more than {_LONGEST_PRODUCT:,} elements")
        return super().call_binop(context, operator, left, right)


def _load(folders: tuple[str, ...], name: str) -> tuple[str, str, Callable[[], bool]] | None:
    """Text and path of a template, and whether that is what the name still stands for."""
    path = _find(folders, name)
    if path is None:
        return None
    modified = path.stat().st_mtime_ns

    def is_current() -> bool:
        return _find(folders, name) == path and path.stat().st_mtime_ns == modified

    return read_text(path), str(path), is_current


def _find(folders: tuple[str, ...], name: str) -> Path | None:
    """The first file of a name; one that would lead out of the folders has none."""
    try:
        parts = split_template_path(name)
    except TemplateNotFound:
        return None
    paths = (Path(folder, *parts) for folder in folders)
    return next(filter(is_file, paths), None)


def _literal(value: object) -> str:
    """A value as a config has it: a text in quotes, a list in brackets."""
    if isinstance(value, Undefined):
        return str(value)  # raises its error
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    raise TypeError(f"a field takes a text, a number, true, false or a list, not {value!r}")
