"""The text of a config as a syntax tree: what stands where, comments and spacing left alone.

The grammar is the published one (https://protobuf.dev/reference/protobuf/textformat-spec/), with
its numbers and signs as wide as google.protobuf reads them. The tree knows positions only; what
the names and values mean is the message's business (`proto.text`), which is parsed beside it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from odapi_runner.errors import ConfigError
from odapi_runner.proto.text import parse_pipeline

if TYPE_CHECKING:
    from lark import Lark, Token

# The production names of the specification, in lark's notation. NUMBER stands for FLOAT, DEC_INT,
# OCT_INT and HEX_INT together: whether a number fits its field is decided elsewhere, and
# google.protobuf reads some that the specification lacks (0b11, 1_000).
_GRAMMAR = r"""
fields: field*
field: name COLON scalar [separator]
     | name [COLON] (message | listed) [separator]
?separator: COMMA | SEMICOLON
?name: IDENT | extension
extension: LSQUARE IDENT (DOT IDENT)* RSQUARE
message: LBRACE fields RBRACE
       | LANGLE fields RANGLE
listed: LSQUARE [item (COMMA item)*] RSQUARE
?item: message | scalar
scalar: STRING+ | SIGN? NUMBER | SIGN? IDENT
COLON: ":"
COMMA: ","
DOT: "."
SEMICOLON: ";"
LBRACE: "{"
RBRACE: "}"
LANGLE: "<"
RANGLE: ">"
LSQUARE: "["
RSQUARE: "]"
SIGN: "-" | "+"
IDENT: /[A-Za-z_][0-9A-Za-z_]*/
NUMBER: /\.?[0-9][0-9A-Za-z_.+-]*/
STRING: /"[^"\n\\]*(\\.[^"\n\\]*)*"/
      | /'[^'\n\\]*(\\.[^'\n\\]*)*'/
COMMENT: /#[^\n]*/
WHITESPACE: /\s+/
%ignore COMMENT
%ignore WHITESPACE
"""

_OLD_LINE_END = re.compile(r"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that is no message; string literals that follow each other are one."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """`{ … }` or `< … >`, the braces included."""

    start: int
    end: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """`[ …, … ]`, the brackets included."""

    start: int
    end: int
    items: tuple[Item, ...]
    commas: tuple[int, ...]  # where they stand: one less than items


Item = Scalar | Message


@dataclass(frozen=True, slots=True)
class Field:
    """A field, from its name to the separator after its value, if there is one."""

    start: int
    end: int
    name: str
    colon: bool
    value: Item | Listed
    separator: str  # "", "," or ";"

    @property
    def items(self) -> tuple[Item, ...]:
        """The values: one, or those of the list."""
        return self.value.items if isinstance(self.value, Listed) else (self.value,)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole text; positions are offsets into it."""

    text: str
    fields: tuple[Field, ...]


def with_line_feeds(text: str) -> str:
    """The text as google.protobuf reads it, every position where it was.

    It knows no other line end than a line feed; where carriage returns alone end lines, all that
    follows a comment would belong to it. A byte order mark becomes a space.
    """
    unified = _OLD_LINE_END.sub("\n", text)
    return f" {unified[1:]}" if unified.startswith("\ufeff") else unified


def parse_syntax(text: str, where: str) -> Document:
    """The syntax tree of a config.

    Args:
        text: a pipeline.config, with any line ends.
        where: what errors call it.

    Raises:
        ConfigError: it is no config, as `proto.text.parse_pipeline` says it; or it is one that
            google.protobuf accepts and the published grammar does not.
    """
    from lark.exceptions import UnexpectedInput

    unified = with_line_feeds(text)
    try:
        fields = _parser().parse(unified)
    except UnexpectedInput as error:
        parse_pipeline(unified, where)  # knows what is wrong in the words of the config
        place = f"{where}:{error.line}:{error.column}"
        raise ConfigError(
            f"{place}: not a spelling of the text format's specification",
            fix="Write the field as NAME: VALUE or NAME { … }.",
        ) from error
    assert isinstance(fields, tuple)
    return Document(text, fields)


@functools.cache
def _parser() -> Lark:
    """Built once a process, when the first text is parsed: that takes longer than parsing it."""
    from lark import Lark, Token, Transformer, v_args

    @v_args(inline=True)
    class Builder(Transformer[Token, tuple[Field, ...]]):
        """What becomes of each production, given the tokens and nodes that it consists of."""

        def fields(self, *fields: Field) -> tuple[Field, ...]:
            return fields

        def field(
            self, name: Token, colon: Token | None, value: Item | Listed, separator: Token | None
        ) -> Field:
            last = separator or value
            return Field(
                _start(name), _end(last), str(name), colon is not None, value, str(separator or "")
            )

        def extension(self, *parts: Token) -> Token:
            return parts[0].update(value="".join(parts))

        def message(self, first: Token, fields: tuple[Field, ...], last: Token) -> Message:
            return Message(_start(first), _end(last), fields)

        def listed(self, first: Token, *rest: Item | Token) -> Listed:
            *inside, last = rest
            items = tuple(part for part in inside if isinstance(part, Item))
            commas = tuple(_start(part) for part in inside if isinstance(part, Token))
            return Listed(_start(first), _end(last), items, commas)

        def scalar(self, *tokens: Token) -> Scalar:
            return Scalar(_start(tokens[0]), _end(tokens[-1]))

    return Lark(_GRAMMAR, start="fields", parser="lalr", lexer="contextual", transformer=Builder())


def _start(token: Token) -> int:
    assert token.start_pos is not None
    return token.start_pos


def _end(part: Token | Item | Listed) -> int:
    end = part.end if isinstance(part, Message | Listed | Scalar) else part.end_pos
    assert end is not None
    return end
