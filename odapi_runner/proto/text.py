"""pipeline.config and label_map.pbtxt as text: parsed with errors that help, and rendered."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from odapi_runner.errors import ConfigError, did_you_mean
from odapi_runner.proto.messages import PACKAGE, POOL, StringIntLabelMap, TrainEvalPipelineConfig

_Explained = Callable[[re.Match[str], str], tuple[str, str]]


def parse_pipeline(text: str, where: str) -> Any:
    """The TrainEvalPipelineConfig written in `text`.

    Args:
        text: a pipeline.config.
        where: what errors call it: a path, or words such as "-s model.ssd".

    Raises:
        ConfigError: `where:line:column:` and what is wrong there.
    """
    return parse_message(text, where, TrainEvalPipelineConfig())


def parse_label_map(text: str, where: str) -> Any:
    """The StringIntLabelMap written in `text`; arguments and errors as in `parse_pipeline`."""
    return parse_message(text, where, StringIntLabelMap())


def parse_message(text: str, where: str, message: Any) -> Any:
    """Fill any message of the language from its text; errors as in `parse_pipeline`."""
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError(f"{where}:{number}: a zero byte in the text", fix="Save it as UTF-8.")
    try:
        text_format.Parse(text.removeprefix("\ufeff"), message)
    except text_format.ParseError as error:
        line, column = error.GetLine(), error.GetColumn()
        what, fix = _explain(str(error), text, line, column)
        place = ":".join(str(part) for part in (where, line, column) if part is not None)
        raise ConfigError(f"{place}: {what}", fix=fix) from error
    return message


def read_pipeline(path: Path) -> Any:
    """The TrainEvalPipelineConfig in a file; errors as in `parse_pipeline`."""
    return parse_pipeline(read_text(path), str(path))


def render_pipeline(message: Any) -> str:
    """Any message of the language as text, one field a line; `parse_pipeline` is its inverse."""
    return text_format.MessageToString(message, as_utf8=True)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark, whatever its line ends.

    Raises:
        ConfigError: there is no such file, or it is not a text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", fix="Check the path.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder", fix="Give the file inside it.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not a text in UTF-8 (byte {error.start})",
            fix="Save it as UTF-8; a checkpoint, a record or a picture is not a config.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", fix="Check the path and its permissions."
        ) from error


def _explain(sentence: str, text: str, line: int | None, column: int | None) -> tuple[str, str]:
    """What is wrong, and what to do, from a sentence of text_format."""
    lines = text.splitlines()
    source = lines[line - 1] if line and line <= len(lines) else ""
    before = re.search(r"(\w+)\s*:?\s*$", source[: (column or 1) - 1])
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
        re.compile(r"codec can't decode"),
        lambda _, field: (
            f"{field}: a backslash begins an escape",
            "Write paths with / (or each \\ as \\\\).",
        ),
    ),
)
