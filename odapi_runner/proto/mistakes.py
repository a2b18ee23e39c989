"""What is wrong with a text, and what to write instead, from the sentences of text_format."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from google.protobuf.descriptor import Descriptor

from odapi_runner.errors import did_you_mean
from odapi_runner.proto.braces import Block, Braces, find_braces
from odapi_runner.proto.messages import PACKAGE, POOL

_Explained = Callable[[re.Match[str], str], tuple[str, str]]

# A field's name stands within so many signs before the place of its value.
_NEAR = 200


def explain_mistake(
    sentence: str, text: str, line: int | None, column: int | None, root: Descriptor
) -> tuple[str, str]:
    """What is wrong, and what to do, from a sentence of text_format.

    Args:
        sentence: the message of its error.
        text: what was parsed.
        line: where it stopped, counted from 1, as `column`.
        column: see `line`.
        root: the kind of message that the text should be.
    """
    lines = text.split("\n")  # as text_format counts them
    source = lines[line - 1] if line and line <= len(lines) else ""
    end = (column or 1) - 1
    near, rest = source[max(0, end - _NEAR) : end], source[end : end + _NEAR]
    if explained := _explain_number(near, rest) or _explain_colon(sentence, near, rest):
        return explained
    if line and column and (explained := _explain_brace(sentence, text, line, column, root)):
        return explained
    before = re.search(r"(\w+)\s*:?\s*$", near)
    field = before[1] if before else "this field"
    for pattern, explain in _EXPLANATIONS:
        if found := pattern.search(sentence):
            return explain(found, field)
    # The rest is shown as it is, without the place and the line of text that stand before it.
    bare = sentence.removeprefix(f"{line}:{column} : ").removeprefix(f"'{source}': ")
    return bare, "Correct the text at this place; every { needs its }."


def _explain_number(near: str, rest: str) -> tuple[str, str] | None:
    """A number such as 10,000 or 0,5: what follows the comma is read as a field's name."""
    before = re.search(r"(\w+)\s*:\s*([\d,]+),$", near)
    after = re.match(r"[\d,]+(?:\.\d+)?", rest)
    if before is None or after is None:
        return None
    number = f"{before[2]},{after[0]}"
    thousands = re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", number)
    plain = number.replace(",", "" if thousands else ".")
    return f"{before[1]}: a number has no comma, found {number}", f"Write {before[1]}: {plain}"


def _explain_colon(sentence: str, near: str, rest: str) -> tuple[str, str] | None:
    """A value behind its field's name without a colon, or with = in its place."""
    name = re.search(r"(\w+)\s*$", near)
    value = re.match(r"""=?\s*("[^"]*"|'[^']*'|[^\s;,}#]+)""", rest)
    if not sentence.endswith('Expected ":".') or name is None or value is None:
        return None
    return f"{name[1]}: no colon before its value", f"Write {name[1]}: {value[1]}"


def _explain_brace(
    sentence: str, text: str, line: int, column: int, root: Descriptor
) -> tuple[str, str] | None:
    """A } that is missing before this place, or one that is too many."""
    if unknown := _UNKNOWN_FIELD.search(sentence):
        return _explain_depth(unknown[1], unknown[2], find_braces(text, root, line, column))
    if sentence.endswith('Expected "}".'):  # it is the last sign of the text that stands there
        unclosed = find_braces(text, root, line, column + 1).unclosed
        return "the text ends before a } that is missing", _still_open(unclosed)
    if sentence.endswith("got }."):
        return "one } too many", "Remove it, or a } before it that closes a message too early."
    return None


def _explain_depth(message: str, name: str, braces: Braces) -> tuple[str, str] | None:
    """A field that the message does not have, but one around it, or the one closed before it."""
    what, last = f'{_short(message)} has no field "{name}"', braces.last
    owner = next((one for one in reversed(braces.open[:-1]) if one.has(name)), None)
    if owner is not None:
        missing = f"{what}, but {owner.shown} has: a }} is missing before this line"
        return missing, _still_open(braces.unclosed)
    if last is not None and last.has(name):
        return (
            f"{what}, but {last.shown} has: one }} too many before this line",
            f"The }} in line {last.closed} closes {last.name}: remove it, or one before it.",
        )
    return None


def _still_open(block: Block) -> str:
    return f"Write the }} of {block.name}, which begins in line {block.line}."


def _unknown_field(message: str, name: str) -> tuple[str, str]:
    known = [field.name for field in POOL.FindMessageTypeByName(message).fields]
    what = f'{_short(message)} has no field "{name}"'
    return what, did_you_mean(name, known) or f"Its fields: {', '.join(sorted(known)) or 'none'}."


def _plain_number(field: str, found: str, *, whole: bool) -> str:
    """How the number in quotes, with commas or as 1e4 is written."""
    try:
        number = float(found.strip("\"'").replace(",", ""))
    except ValueError:
        number = math.nan
    if math.isfinite(number) and (not whole or number.is_integer()):
        return f"Write {field}: {number:.0f}" if number.is_integer() else f"Write {field}: {number}"
    return f"Write {field}: {'1' if whole else '0.1'}, unquoted."


def _unknown_value(enum: str, name: str) -> tuple[str, str]:
    known = [value.name for value in POOL.FindEnumTypeByName(enum).values]
    return f'{_short(enum)} has no value "{name}"', f"Its values: {', '.join(known)}."


def _short(full_name: str) -> str:
    return full_name.removeprefix(f"{PACKAGE}.")


_UNKNOWN_FIELD = re.compile(r'Message type "([\w.]+)" has no field named "([^"]+)"')

# The sentences of google.protobuf.text_format (written in Python in every protobuf version) that
# are worth more than repeating: what each says, given the field that stands before the place.
_EXPLANATIONS: tuple[tuple[re.Pattern[str], _Explained], ...] = (
    (
        _UNKNOWN_FIELD,
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
            _plain_number(field, found[1], whole=True),
        ),
    ),
    (
        re.compile(r"Couldn't parse float: (.*)$"),
        lambda found, field: (
            f"{field} takes a number, found {found[1]}",
            _plain_number(field, found[1], whole=False),
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
