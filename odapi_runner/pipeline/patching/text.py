"""The text of a patch as a tree, with what had to be repaired to read it.

The notation is that of a config, as people write it down in their notes:

    train config {                          a blank in a name
      batch_size 8                          no colon
      optimizer { adam_optimizer ... }      an ellipsis: reported, and left out
      }                                     a brace too many; one that lacks is added at the end
    }

Names are not looked up here: `names` does that.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import lark
from lark.lark import PostLex

from odapi_runner.errors import ConfigError
from odapi_runner.pipeline.patching.tree import Block, Entry, Note, Part, Place, Tree, Value

if TYPE_CHECKING:
    from lark import Token

# NAME and NUMBER end where a path without quotes would go on, which is PLAIN.
_GRAMMAR = r"""
start: _item*
_item: entry | block | stray
entry: _name SEP* (value | block | blocks | ELLIPSIS) | ALONE
_name: NAME | SPACED
block: LBRACE _item* (RBRACE | MISSING)
blocks: LSQB (block COMMA*)+ RSQB
value: STRING+ | NUMBER | NAME | PLAIN | listing
listing: LSQB (element | COMMA)* RSQB
element: STRING+ | NUMBER | NAME | PLAIN | ELLIPSIS
stray: SEP | COMMA | STRAY | ELLIPSIS

SPACED.4: /[A-Za-z_]\w*(?:[ \t]+[A-Za-z_]\w*|-\w+){1,4}(?=[ \t]*[:={])/
ALONE.3: /[A-Za-z_]\w*(?=[ \t]*(?:[},;#]|\Z|\n(?!\s*[:={])))/
NAME.2: /[A-Za-z_]\w*(?![\w\/\\*?-]|\.\w)/
NUMBER.2: /[-+]?(?:0x[0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?|inf|nan)(?![\w.\/*?-])/
ELLIPSIS.2: /\.{2,}|…+/
PLAIN.1: /[\w.~\/\\*?+@%$-]+/
STRING: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/
SEP: ":" | "="
COMMA: "," | ";"
LBRACE: "{"
RBRACE: "}"
LSQB: "["
RSQB: "]"
COMMENT: /#[^\n]*/
%declare STRAY MISSING
%ignore COMMENT
%ignore /\s+/
"""


def parse_tree(text: str, where: str, line: int = 1) -> Tree:
    """The tree of a section of a patch.

    Args:
        text: the section; braces around the whole of it are no repair.
        where: the file, for errors.
        line: the line of the file on which the text begins.

    Raises:
        ConfigError: `where:line:column:` and what cannot be read there, however it is meant.
    """
    builder = _Builder(line - 1)
    try:
        parsed = _parser().parse(text)
    except lark.UnexpectedCharacters as error:
        place = Place(error.line + line - 1, error.column)
        raise _unreadable(where, place, text[error.pos_in_stream :]) from error
    except lark.UnexpectedToken as error:
        rest = "" if error.token.type == "$END" else text[error.token.start_pos or 0 :]
        raise _unreadable(where, builder.place(error.token), rest) from error
    entries = builder.transform(parsed)
    return Tree(entries, tuple(sorted(builder.notes, key=lambda note: note.place)))


class _Balance(PostLex):
    """Marks the braces that close nothing, and closes at the end those that are open."""

    always_accept = ("RBRACE",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens, with STRAY for a brace too many and MISSING for one that lacks."""
        is_open: list[Token] = []
        for token in stream:
            strays = token.type == "RBRACE" and not is_open
            if token.type == "LBRACE":
                is_open.append(token)
            elif token.type == "RBRACE" and is_open:
                is_open.pop()
            yield token.update(type="STRAY") if strays else token
        for token in reversed(is_open):
            yield token.update(type="MISSING")


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(_GRAMMAR, parser="lalr", lexer="contextual", postlex=_Balance())


class _Elided(Enum):
    """In the place of what was written as an ellipsis only."""

    IT = 0


@dataclass(frozen=True, slots=True)
class _Braces:
    """A block, that may lack its name."""

    entries: tuple[Entry, ...]
    elided: bool  # nothing but an ellipsis in it
    place: Place


# What a grammar rule becomes: the entries of one item are a tuple, of a stray sign an empty one.
_Item = tuple[Entry, ...] | _Braces | _Elided


class _Builder(lark.visitors.Transformer_NonRecursive):  # type: ignore[type-arg]
    """Turns lark's tree into ours, and notes what had to be repaired."""

    def __init__(self, lines_before: int) -> None:
        super().__init__()
        self.notes: list[Note] = []
        self._lines_before = lines_before

    def place(self, token: Token) -> Place:
        """Where a token stands in the file."""
        return Place((token.line or 1) + self._lines_before, token.column or 1)

    def start(self, items: list[_Item]) -> tuple[Entry, ...]:
        """The section, with braces around it or without."""
        if items and isinstance(items[0], _Braces):
            items = [items[0].entries, *items[1:]]
        return self._entries(items)

    def block(self, items: list[Any]) -> _Braces:
        """Entries in braces."""
        opening, *inside, closing = items
        if closing.type == "MISSING":
            self._note(closing, "this { is not closed: a } is added at the end")
        entries = self._entries(inside)
        return _Braces(entries, not entries and _Elided.IT in inside, self.place(opening))

    def blocks(self, items: list[Any]) -> list[_Braces]:
        """A list of messages."""
        return [item for item in items if isinstance(item, _Braces)]

    def entry(self, items: list[Any]) -> _Item:
        """A name and what comes after it."""
        name = self._name(items[0])
        separators, contents = items[1:-1], items[-1:] if len(items) > 1 else []
        self._note_separators(name, separators, contents)
        if contents and isinstance(contents[0], list):
            contents = contents[0]
        entries = [
            Entry(str(name), self.place(name), _content(content))
            for content in contents or [None]
            if not _is_elided(content)
        ]
        if entries:
            return tuple(entries)
        if not isinstance(items[-1], _Braces):  # what is in braces has been noted there
            self._note(name, f"{name} is left out: an ellipsis does not say what is in it")
        return _Elided.IT

    def value(self, items: list[Any]) -> Value | _Elided:
        """A single value, or a list of them."""
        if isinstance(items[0], list):
            first, *parts = items[0]
            if _Elided.IT in parts:
                return _Elided.IT
            return Value(tuple(parts), listed=True, place=self.place(first))
        return Value((_part(items),), listed=False, place=self.place(items[0]))

    def listing(self, items: list[Any]) -> list[Any]:
        """The opening bracket, and the parts in it."""
        return [items[0], *(item for item in items[1:] if not isinstance(item, lark.Token))]

    def element(self, tokens: list[Token]) -> Part | _Elided:
        """One element of a list."""
        return _Elided.IT if tokens[0].type == "ELLIPSIS" else _part(tokens)

    def stray(self, tokens: list[Token]) -> _Item:
        """A sign that belongs to nothing."""
        (token,) = tokens
        if token.type == "ELLIPSIS":
            self._note(token, f"{token} is left out: an ellipsis does not say what is meant")
            return _Elided.IT
        if token.type != "COMMA":  # one after each field is usual
            self._note(token, f"this {token} belongs to nothing and is left out")
        return ()

    def _entries(self, items: list[_Item]) -> tuple[Entry, ...]:
        """The entries of items one after another."""
        found: list[Entry] = []
        for item in items:
            if isinstance(item, _Braces):
                self.notes.append(Note(item.place, "these braces have no name and are left out"))
                found += item.entries
            elif item is not _Elided.IT:
                found += item
        return tuple(found)

    def _name(self, token: Token) -> Token:
        """The name of an entry, its words joined."""
        if token.type != "SPACED":
            return token
        joined = re.sub(r"[\s-]+", "_", token)
        self._note(token, f'"{token}" is read as {joined}')
        return token.update(value=joined)

    def _note_separators(self, name: Token, separators: list[Token], contents: list[Any]) -> None:
        if contents and isinstance(contents[0], Value) and not separators:
            self._note(name, f"{name} lacks its colon")
        elif len(separators) > 1 or "=" in separators:
            self._note(name, f'"{" ".join(separators)}" after {name} is read as :')

    def _note(self, token: Token, text: str) -> None:
        self.notes.append(Note(self.place(token), text))


def _is_elided(content: Any) -> bool:
    if isinstance(content, _Braces):
        return content.elided
    return content is _Elided.IT or getattr(content, "type", None) == "ELLIPSIS"


def _content(content: Value | _Braces | None) -> Value | Block | None:
    return Block(content.entries) if isinstance(content, _Braces) else content


def _part(tokens: list[Token]) -> Part:
    """One value of a field; texts in quotes that follow each other are one."""
    return Part(" ".join(tokens), tokens[0].type == "STRING")


def _unreadable(where: str, place: Place, rest: str) -> ConfigError:
    shown = rest.partition("\n")[0].strip()[:30]
    found = f'"{shown}" is nothing that config text has here' if shown else "the text ends too soon"
    return ConfigError(
        f"{where}:{place}: {found}",
        fix='Correct it; comments begin with #, and notes stand below a line "note".',
    )
