"""One value as typed on a command line, as the value of a field."""

from __future__ import annotations

import re

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from odapi_runner.errors import ConfigError, did_you_mean

_QUOTED = re.compile(r"""(["'])(.*)\1""", re.DOTALL)
_INTEGERS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
}
_LARGEST = 3.4028234e38  # as a float of 32 bits
_BOOLS = {"true": True, "True": True, "false": False, "False": False}


def parse_scalar(field: FieldDescriptor, path: str, text: str) -> bool | int | float | str:
    """The value of a field that is no message; `path` is what an error names.

    Raises:
        ConfigError: the text is of another kind, or out of the field's range.
    """
    text = unquoted(text)
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    if field.enum_type is not None:
        return _parse_enum(field.enum_type, path, text)
    if field.type == FieldDescriptor.TYPE_BOOL:
        if text not in _BOOLS:
            raise _wrong(path, "true or false", text, "true")
        return _BOOLS[text]
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return parse_number(path, text)
    return parse_integer(path, text, *_INTEGERS[field.type])


def parse_number(path: str, text: str) -> float:
    """A number that is finite in 32 bits."""
    try:
        number = float(text)
    except ValueError:
        raise _wrong(path, "a number", text, "0.1") from None
    if not abs(number) <= _LARGEST:
        raise _wrong(path, "a finite number", text, "0.1")
    return number


def parse_integer(path: str, text: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    try:
        number = int(text)
    except ValueError:
        raise _wrong(path, "a whole number", text, "1") from None
    if not least <= number <= most:
        raise _wrong(path, f"a whole number from {least} to {most}", text, "1")
    return number


def unquoted(text: str) -> str:
    """A text without the quotes around it, if there are any."""
    found = _QUOTED.fullmatch(text.strip())
    return found[2] if found else text


def _parse_enum(kind: EnumDescriptor, path: str, text: str) -> int:
    values = kind.values_by_name
    if text not in values:
        near = did_you_mean(text, values) or f"Its values: {', '.join(values)}."
        raise ConfigError(f'{path}: {kind.name} has no value "{text}"', fix=near)
    return values[text].number


def _wrong(path: str, expected: str, text: str, example: str) -> ConfigError:
    found = text if len(text) <= 40 else f"{text[:40]}…"
    return ConfigError(f'{path}: takes {expected}, found "{found}"', fix=f"As in {path}={example}")
