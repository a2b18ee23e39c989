"""pipeline.config and label_map.pbtxt as text: parsed with errors that help, and rendered."""

from __future__ import annotations

import codecs
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from odapi_runner.errors import ConfigError
from odapi_runner.proto.messages import StringIntLabelMap, TrainEvalPipelineConfig
from odapi_runner.proto.mistakes import explain_mistake

# The longest text that is read: a published config has 9 KB, a label map of 20,000 classes 2 MB.
# This one is parsed in two seconds.
MOST_BYTES = 4_000_000
_MARKS = {
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
_HANGUL = re.compile("[가-힣]")


@dataclass(frozen=True, slots=True)
class Source:
    """A text as its file has it, with what it takes to write it back."""

    text: str  # with the line ends of the file, without a byte order mark
    encoding: str  # utf-8, or utf-8-sig, utf-16-le, utf-16-be: these begin with a byte order mark

    def encode(self, text: str) -> bytes:
        """The bytes of a text in this encoding; `source.encode(source.text)` are the file's."""
        mark = _MARKS.get(self.encoding, b"")
        return mark + text.encode(self.encoding.removesuffix("-sig"))


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
        what, fix = explain_mistake(str(error), text, line, column, message.DESCRIPTOR)
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
    """The text of a file in UTF-8 or in marked UTF-16, with Unix line ends.

    Raises:
        ConfigError: as `read_source`.
    """
    return read_source(path).text.replace("\r\n", "\n").replace("\r", "\n")


def read_source(path: Path) -> Source:
    """The text of a file in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Other encodings are refused, not guessed: the Object Detection API reads UTF-8 only, and a
    path that was decoded wrongly would be another path.

    Raises:
        ConfigError: there is no such file, it is too large, or it is in another encoding.
    """
    content = _read_bytes(path)
    encoding = next((name for name, mark in _MARKS.items() if content.startswith(mark)), "utf-8")
    start = len(_MARKS.get(encoding, b""))
    try:
        return Source(content[start:].decode(encoding.removesuffix("-sig")), encoding)
    except UnicodeDecodeError as error:
        what, fix = _explain_encoding(path, content, start + error.start)
        raise ConfigError(what, fix=fix) from error


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", fix="Check the path.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder", fix="Give the file inside it.") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", fix="Check the path and its permissions."
        ) from error
    except ValueError as error:  # a zero byte in the name
        raise ConfigError(f"{path}: cannot be a path", fix="Check the path.") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(
            f"{path}: larger than {MOST_BYTES // 1_000_000} MB, which no config or label map is",
            fix="Check the path: a checkpoint, a record or a log is not a config.",
        )
    return content


def _explain_encoding(path: Path, content: bytes, place: int) -> tuple[str, str]:
    """What to say of bytes that are no text in the encoding that they begin like."""
    if _is_cp949(content):
        target = shlex.quote(str(path.with_name(f"utf8-{path.name}")))
        return (
            f"{path}: not UTF-8 (byte {place}), it looks like CP949",
            f"Convert it: iconv -f CP949 -t UTF-8 {shlex.quote(str(path))} > {target}",
        )
    return (
        f"{path}: not a text in UTF-8 (byte {place})",
        "Save it as UTF-8; a checkpoint, a record or a picture is not a config.",
    )


def _is_cp949(content: bytes) -> bool:
    """Whether bytes are a Korean text as editors on Windows have saved it."""
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        return False
    return bool(_HANGUL.search(text)) and all(sign.isprintable() or sign.isspace() for sign in text)
