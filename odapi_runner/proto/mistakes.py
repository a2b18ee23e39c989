"""What is wrong with a text, and what to write instead, from the sentences of text_format."""

from __future__ import annotations

import re
from collections.abc import Callable

from odapi_runner.errors import did_you_mean
from odapi_runner.proto.messages import PACKAGE, POOL

_Explained = Callable[[re.Match[str], str], tuple[str, str]]

# A field's name stands within so many signs before the place of its value.
_NEAR = 200


def explain_mistake(
    sentence: str, text: str, line: int | None, column: int | None
) -> tuple[str, str]:
    """What is wrong, and what to do, from a sentence of text_format."""
    lines = text.split("\n")  # as text_format counts them
    source = lines[line - 1] if line and line <= len(lines) else ""
    end = (column or 1) - 1
    before = re.search(r"(\w+)\s*:?\s*$", source[max(0, end - _NEAR) : end])
    field = before[1] if before else "this field"
    for pattern, explained in _EXPLANATIONS:
        if found := pattern.search(sentence):
            return explained(found, field)
    # The rest is shown as it is, without the place and the line of text that stand before it.
    bare = sentence.removeprefix(f"{line}:{column} : ").removeprefix(f"'{source}': ")
    return bare, "Correct the text at this place; every { needs its }."


def _unknown_field(message: str, name: str) -> tuple[str, str]:
    known = [field.name for field in POOL.FindMessageTypeByName(message).fields]
    what = f'{_short(message)} has no field "{name}"'
    return what, did_you_mean(name, known) or f"Its fields: {', '.join(sorted(known)) or 'none'}."


def _unknown_value(enum: str, name: str) -> tuple[str, str]:
    known = [value.name for value in POOL.FindEnumTypeByName(enum).values]
    return f'{_short(enum)} has no value "{name}"', f"Its values: {', '.join(known)}."


def _short(full_name: str) -> str:
    return full_name.removeprefix(f"{PACKAGE}.")


# The sentences of google.protobuf.text_format (written in Python in every protobuf version) that
# are worth more than repeating: what each says, given the field that stands before the place.
_EXPLANATIONS: tuple[tuple[re.Pattern[str], _Explained], ...] = (
    (
        re.compile(r'Message type "([\w.]+)" has no field named "([^"]+)"'),
        lambda found, _: _unknown_field(found[1], found[2]),
    ),
    (
        re.compile(r'Enum type "([\w.]+)" has no value (?:named |with number )(\S+?)\.$'),
        lambda found, _: _unknown_value(found[1], found[2]),
    ),
    (
        re.compile(r'Message type "([\w.]+)" should not have multiple "([^"]+)" fields'),
        lambda found, _: (
            f"{found[2]} is set twice in {_short(found[1])}",
            "Keep one of the two.",
        ),
    ),
    (
        re.compile(r'Field "([^"]+)" is specified along with field "([^"]+)"'),
        lambda found, _: (f"{found[1]} and {found[2]} exclude each other", "Keep one of the two."),
    ),
    (
        re.compile(r"Couldn't parse integer: (.*)$"),
        lambda found, field: (
            f"{field} takes a whole number, found {found[1]}",
            f"Write {field}: 1, unquoted.",
        ),
    ),
    (
        re.compile(r"Couldn't parse float: (.*)$"),
        lambda found, field: (
            f"{field} takes a number, found {found[1]}",
            f"Write {field}: 0.1, unquoted.",
        ),
    ),
    (
        re.compile(r"Exceeds the limit"),
        lambda _, field: (f"{field} is a number of thousands of digits", "Write a smaller one."),
    ),
    (
        re.compile(r"Value out of range: (.*)$"),
        lambda found, field: (
            f"{field} cannot be {found[1]}",
            "Write a whole number in range, usually from 0.",
        ),
    ),
    (
        re.compile(r"Expected string but found: '(.*)'$"),
        lambda found, field: (
            f"{field} takes a text, found {found[1]}",
            f'Write it in quotes: {field}: "…".',
        ),
    ),
    (
        re.compile(r'Expected "true" or "false"'),
        lambda _, field: (f"{field} takes true or false", "Write true or false, unquoted."),
    ),
    (
        re.compile(r'Expected "{"\.$'),
        lambda _, field: (
            f"{field} takes fields of its own, no value",
            f"Write {field} {{ … }}.",
        ),
    ),
    (
        re.compile(r"codec can't (?:decode|encode)"),
        lambda _, field: (
            f"{field}: a backslash begins an escape",
            "Write paths with / (or each \\ as \\\\).",
        ),
    ),
)
