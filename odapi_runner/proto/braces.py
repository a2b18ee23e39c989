"""Which { are open at a place of a text, and which } has closed what: for mistakes with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

# Comments and strings hold braces that count for nothing.
_TOKEN = re.compile(r"""#[^\n]*|"(?:[^"\n\\]|\\.)*"|'(?:[^'\n\\]|\\.)*'|[{}]|\w+|\n""")
_INDENT = re.compile(r"[ \t]*")


@dataclass(slots=True)
class Block:
    """A message in the text: `name { … }`, or the text as a whole."""

    name: str
    kind: Descriptor | None  # None: its field is unknown
    line: int
    indent: str  # of its line
    closed: int = 0  # the line of its }, where that comes before the place

    def has(self, name: str) -> bool:
        """Whether its message has a field of this name."""
        return self.kind is not None and name in self.kind.fields_by_name

    @property
    def shown(self) -> str:
        """What its fields are fields of."""
        return self.kind.name if self.kind is not None else self.name

    def sub(self, name: str) -> Descriptor | None:
        """The message that a field holds."""
        found: Any = self.kind.fields_by_name.get(name) if self.kind is not None else None
        return found.message_type if found is not None else None


@dataclass(slots=True)
class Braces:
    """The braces before a place."""

    open: list[Block]  # from the text as a whole to the innermost
    last: Block | None = None  # the one closed last
    short: Block | None = None  # the first whose } is indented less than its line

    @property
    def unclosed(self) -> Block:
        """The message whose } is most likely the missing one."""
        return self.short or self.open[-1]


def find_braces(text: str, root: Descriptor, line: int, column: int) -> Braces:
    """The braces before a line and column of a text that a message of kind `root` is read from."""
    lines = text.split("\n")
    stop = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
    found = Braces([Block("", root, 0, "")])
    number, name = 1, ""
    for token in _TOKEN.finditer(text, 0, min(stop, len(text))):
        sign = token[0]
        if sign == "\n":
            number += 1
        elif sign == "{":
            parent = found.open[-1]
            found.open.append(Block(name, parent.sub(name), number, _indent(lines[number - 1])))
        elif sign == "}" and len(found.open) > 1:
            _close(found, number, lines[number - 1])
        elif sign[0] not in "#\"'}":
            name = sign
    return found


def _close(found: Braces, number: int, line: str) -> None:
    block = found.open.pop()
    block.closed, found.last = number, block
    alone = line.lstrip().startswith("}")
    if alone and found.short is None and len(_indent(line)) < len(block.indent):
        found.short = block


def _indent(line: str) -> str:
    found = _INDENT.match(line)
    return found[0] if found else ""
